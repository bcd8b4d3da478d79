"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.errors import CliError, ExitCode

if TYPE_CHECKING:
    from voicearena.experiments.v1.results_pb2 import CompositeWeight


class EvalMode(StrEnum):
    """Who judges an experiment. The names are those of the API."""

    AUTOMATED = "automated"
    HUMAN = "human"
    HYBRID = "hybrid"


EVAL_MODE_HELP = "Who judges: measurements, people with a listening link, or both."

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The id of the experiment.", show_default=False)]
EvalModeOption = Annotated[EvalMode, typer.Option("--eval-mode", help=EVAL_MODE_HELP)]
RepeatsOption = Annotated[
    int | None,
    typer.Option(min=1, max=5, help="How many times each model speaks each prompt. Default: 1.", show_default=False),
]
ProfileOption = Annotated[
    str,
    typer.Option(
        help="The profile of the score: latency or quality. Default: quality if the mesh can transcribe every voice.",
        show_default=False,
    ),
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(
        help="METRIC=SHARE, a weight of your own. Repeat the option; the weights must sum to 1.", show_default=False
    ),
]
PrimaryMetricOption = Annotated[
    str,
    typer.Option(
        help="The metric of the statistical tests, such as ttfb_ms. Default: composite_per_prompt.",
        show_default=False,
    ),
]
SeedOption = Annotated[
    int | None, typer.Option(min=0, max=2**32 - 1, help="The seed of the random order of trials.", show_default=False)
]
VotesOption = Annotated[
    int | None,
    typer.Option(
        min=1, max=100, help="Votes needed for each pair of models on each prompt. Default: 3.", show_default=False
    ),
]
DaysOption = Annotated[
    int | None, typer.Option(min=1, max=90, help="Days for which people can vote. Default: 14.", show_default=False)
]
RetentionOption = Annotated[
    int | None,
    typer.Option(min=1, max=3650, help="Days for which the audio is kept after the end.", show_default=False),
]


def parse_weights(texts: Sequence[str]) -> list[CompositeWeight]:
    """Reads `metric=share` texts. Raises CliError if one is malformed. The API checks the names of the metrics."""
    from voicearena.experiments.v1.results_pb2 import CompositeWeight

    weights = []
    for text in texts:
        metric, _, share = text.partition("=")
        try:
            weights.append(CompositeWeight(metric=metric.strip(), weight=float(share)))
        except ValueError:
            raise CliError(
                f"{text!r} is not a weight.", ExitCode.USAGE, hint="Write METRIC=SHARE, for example ttfb=0.5."
            ) from None
    return weights


def parse_model(text: str) -> tuple[str, str]:
    """Splits `provider:voice_id` at its first colon, because voice ids can have colons too.

    Without a colon the voice is empty, which means the provider's first voice. Raises CliError if a part is missing.
    """
    provider, colon, voice_id = text.partition(":")
    if not provider.strip() or (colon and not voice_id.strip()):
        raise CliError(
            f"{text!r} is not a voice.",
            ExitCode.USAGE,
            hint="Write PROVIDER:VOICE, for example espeak:en-us, or only PROVIDER.",
        )
    return provider.strip(), voice_id.strip()
