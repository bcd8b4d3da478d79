"""Renders voice models: a list, and one with its ratings and measurements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from gateway.cli.rendering import WIDE_COLUMNS, keep_ids, moment, new_table, plain
from gateway.cli.voice_models import voice_of
from services.shared.reporting.formats import ABSENT, counted, has, milliseconds, number, percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from voicearena.elo.v1.elo_pb2 import VoiceModel, VoiceModelStats

# The averages in VoiceModelStats, with their headings.
AVERAGES = {
    "both_bad_share": ("Neither good", percent),
    "avg_wer": ("Word errors", percent),
    "avg_semascore": ("Meaning", percent),
    "avg_prosody": ("Prosody", percent),
    "avg_quality": ("Quality", number),
    "median_ttfa_ms": ("First sound", milliseconds),
    "reliability": ("Reliability", percent),
}


def models_table(models: Sequence[VoiceModel], width: int) -> RenderableType:
    """Returns voice models in the given order. On a narrow terminal name and voice stand below the id."""
    if not models:
        return Text("No voice models.")
    wide = width >= WIDE_COLUMNS
    numbers = ("Live Elo", "Battles", "Won")
    table = new_table("Id", *(("Name", "Voice") if wide else ()), *numbers, "State", right=numbers)
    keep_ids(table, [model.id for model in models])
    for model in models:
        id_, about = plain(model.id), (plain(model.name), plain(_voice(model)))
        table.add_row(
            id_ if wide else id_.append("".join(f"\n{each}" for each in about), style="dim"),
            *(about if wide else ()),
            f"{model.elo_rating:.0f}",
            str(model.total_battles),
            percent(model.win_rate) if model.HasField("win_rate") else ABSENT,
            ", ".join(_states(model)) or ABSENT,
        )
    return table


def model_card(model: VoiceModel) -> RenderableType:
    """Returns a voice model with its published ratings and what was measured."""
    lines: list[RenderableType] = [
        plain(f"{model.id}  {model.name} {model.version}".rstrip()),
        plain(f"  voice     {_voice(model)}"),
        plain(f"  language  {model.language or ABSENT}"),
        plain(f"  state     {', '.join(_states(model)) or ABSENT}"),
        plain(f"  live Elo  {model.elo_rating:.0f} after {counted(model.total_battles, 'battle')}"),
    ]
    if model.HasField("cost_per_1000_characters"):
        lines.append(plain(f"  price     ${model.cost_per_1000_characters:g} for 1,000 characters"))
    lines.append(plain(f"  added     {moment(model.created_at)}"))
    stats = model.stats
    if stats.wins or stats.losses or stats.ties or stats.both_bad:
        counts = f"{stats.wins} won, {stats.losses} lost, {counted(stats.ties, 'tie')}, {stats.both_bad} neither good"
        lines.append(plain(f"  votes     {counts}"))
    if stats.boards:
        lines.append(_boards(stats))
    measured = [(label, shown(getattr(stats, n))) for n, (label, shown) in AVERAGES.items() if has(stats, n)]
    if measured:
        table = new_table("Average", "Value", right=("Value",))
        for row in measured:
            table.add_row(*row)
        lines.append(table)
    return Group(*lines)


def _boards(stats: VoiceModelStats) -> Table:
    table = new_table("Board", "Rating", "95% interval", "Rank", right=("Rating", "95% interval", "Rank"))
    for row in stats.boards:
        rank = str(row.rank) if row.rank == row.rank_worst else f"{row.rank}-{row.rank_worst}"
        table.add_row(
            plain(row.board),
            f"{row.rating:.0f}",
            f"{row.rating_low:.0f} to {row.rating_high:.0f}" if has(row, "rating_low") else "unknown",
            f"{rank} (provisional)" if row.provisional else rank,
        )
    return table


def _voice(model: VoiceModel) -> str:
    return voice_of(model) if model.config.voice_id else model.Kind.Name(model.kind)


def _states(model: VoiceModel) -> list[str]:
    """Returns what distinguishes a model from a public one that takes part in nothing."""
    from voicearena.elo.v1.elo_pb2 import private

    states = {
        "arena": model.arena,
        "private": model.visibility == private,
        "awaits approval": model.awaits_approval,
        "withdrawn": not model.active,
    }
    return [name for name, true in states.items() if true]
