"""How a voice model is written on the command line."""

from __future__ import annotations

from gateway.cli.errors import CliError, ExitCode


def parse_model(text: str) -> tuple[str, str]:
    """Splits `provider:voice_id` at its first colon, so that a voice may have more of them.

    Without a colon the voice is empty, which means the provider's first.
    """
    provider, colon, voice_id = text.partition(":")
    if not provider.strip() or (colon and not voice_id.strip()):
        raise CliError(
            f"{text!r} names no voice.",
            ExitCode.USAGE,
            hint="Write PROVIDER:VOICE, espeak:en-us say, or only PROVIDER.",
        )
    return provider.strip(), voice_id.strip()
