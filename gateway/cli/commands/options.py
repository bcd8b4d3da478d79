"""What commands take: an experiment's id, voice models, and what experiments are created and cloned with."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from voicearena.experiments.v1.results_pb2 import CompositeWeight


class Judge(StrEnum):
    """Who judges; the names are those of the API."""

    AUTOMATED = "automated"
    HUMAN = "human"
    HYBRID = "hybrid"


IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The experiment's id.", show_default=False)]
JudgeOption = Annotated[
    Judge, typer.Option("--eval-mode", help="Who judges: measurements, people by a listening link, or both.")
]
RepeatsOption = Annotated[
    int | None, typer.Option(min=1, max=5, help="How often each model speaks each prompt; 1.", show_default=False)
]
ProfileOption = Annotated[
    str, typer.Option(help="How the score is made: latency, or quality where it is measured.", show_default=False)
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(help="METRIC=SHARE, weights of your own that sum to 1. Give each one.", show_default=False),
]
PrimaryMetricOption = Annotated[
    str,
    typer.Option(
        help="What evidence is computed from: composite_per_prompt if not given, or a metric such as ttfb_ms.",
        show_default=False,
    ),
]
SeedOption = Annotated[
    int | None, typer.Option(min=0, max=2**32 - 1, help="Decides the order of the trials.", show_default=False)
]
VotesOption = Annotated[
    int | None, typer.Option(min=1, max=100, help="Votes that each pair needs; 3.", show_default=False)
]
DaysOption = Annotated[
    int | None, typer.Option(min=1, max=90, help="How long people can vote at most; 14.", show_default=False)
]
RetentionOption = Annotated[
    int | None, typer.Option(min=1, max=3650, help="How long the audio is kept after the end.", show_default=False)
]


def parse_weights(texts: Sequence[str]) -> list[CompositeWeight]:
    """Reads `metric=share` each; CliError if one is something else. The API says which metrics there are."""
    from voicearena.experiments.v1.results_pb2 import CompositeWeight

    weights = []
    for text in texts:
        metric, _, share = text.partition("=")
        try:
            weights.append(CompositeWeight(metric=metric.strip(), weight=float(share)))
        except ValueError:
            raise CliError(
                f"{text!r} is no weight.", ExitCode.USAGE, hint="Write METRIC=SHARE, ttfb=0.5 say."
            ) from None
    return weights


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
