"""Renders battles: who spoke and what a vote did, one battle with both sides, and a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from gateway.cli.rendering import WIDE_COLUMNS, moment, new_table, plain
from gateway.cli.voice_models import voice_of
from services.shared.reporting.formats import ABSENT, has, milliseconds, number, percent, seconds

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from voicearena.elo.v1.battle_pb2 import Battle, SideMetrics
    from voicearena.elo.v1.battle_service_pb2 import RatingChange, VoteInBattleResponse
    from voicearena.elo.v1.elo_pb2 import VoiceModel

ANSWER_WORDS = {"a": "A is better", "b": "B is better", "tie": "a tie", "both_bad": "neither is good"}
STATUS_STYLES = {"open": "cyan", "decided": "green", "void": "red", "preparing": "yellow"}
# The fields of SideMetrics, with their headings.
SIDE_METRICS = {
    "word_error_rate": ("Word errors", percent),
    "semascore": ("Meaning", percent),
    "hard_word_accuracy": ("Hard words", percent),
    "prosody_score": ("Prosody", percent),
    "naturalness_mos": ("Naturalness", number),
    "signal_quality_mos": ("Quality", number),
    "ttfa_ms": ("First sound", milliseconds),
    "duration_seconds": ("Length", seconds),
}


def reveal(response: VoteInBattleResponse, answer: str) -> RenderableType:
    """Returns who spoke, and what a vote did to the ratings. Clips are called as the voter heard them."""
    battle = response.battle
    swapped = response.clip_a_model.id != battle.model_a_id
    lines: list[RenderableType] = [plain(f"You said: {ANSWER_WORDS[answer]}.")]
    table = new_table("Clip", "Voice", "Live Elo", right=("Live Elo",))
    for label, model, change in (
        ("A", response.clip_a_model, response.clip_a_rating),
        ("B", response.clip_b_model, response.clip_b_rating),
    ):
        table.add_row(label, plain(_described(model)), _change(change))
    lines.append(table)
    if not response.rated:
        lines.append(plain(f"The vote moves no ratings: {response.unrated_reason}"))
    if battle.HasField("metric_vote"):
        lines.append(plain(_metric_vote(battle, swapped=swapped)))
    sides = (battle.metrics_b, battle.metrics_a) if swapped else (battle.metrics_a, battle.metrics_b)
    lines.append(_sides(*sides))
    return Group(*lines)


def battle_card(battle: Battle, names: Mapping[str, str]) -> RenderableType:
    """Returns a battle with both sides side by side, as far as the caller may know them. `names` are by model."""
    status = battle.Status.Name(battle.status)
    lines: list[RenderableType] = [
        Text.assemble(plain(battle.id), "  ", Text(status, style=STATUS_STYLES.get(status, ""))),
        plain(f"  scenario  {battle.scenario_id} ({battle.category}, {battle.language})"),
        plain(f"  A         {_model(battle.model_a_id, names)}"),
        plain(f"  B         {_model(battle.model_b_id, names)}"),
    ]
    if battle.HasField("winner"):
        source = battle.VoteSource.Name(battle.vote_source)
        lines.append(plain(f"  result    {ANSWER_WORDS[battle.Winner.Name(battle.winner)]} ({source})"))
    if battle.HasField("votes_a"):
        votes = f"A {battle.votes_a}, B {battle.votes_b}, tie {battle.votes_tie}, neither {battle.votes_both_bad}"
        lines.append(plain(f"  votes     {votes}"))
    if battle.HasField("elo_delta"):
        lines.append(plain(f"  live Elo  {battle.elo_delta:+.1f} for A, {-battle.elo_delta:+.1f} for B"))
    if battle.HasField("metric_vote"):
        lines.append(plain(f"  metrics   {_metric_vote(battle, swapped=False)}"))
    if not battle.rated:
        lines.append(plain(f"  unrated   {battle.unrated_reason}"))
    if battle.void_reason:
        lines.append(plain(f"  void      {battle.void_reason}"))
    lines.append(plain(f"  created   {moment(battle.created_at)}"))
    if battle.model_a_id and battle.HasField("metrics_a"):
        lines.append(_sides(battle.metrics_a, battle.metrics_b))
    return Group(*lines)


def battles_table(battles: Sequence[Battle], names: Mapping[str, str], width: int) -> RenderableType:
    """Returns battles in the given order. On a narrow terminal a battle has two lines."""
    if not battles:
        return Text("No battles.")
    wide = width >= WIDE_COLUMNS
    table = new_table("Id", "Status", "A", "B", "Result", *(("Category", "Created") if wide else ()))
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for battle in battles:
        status = battle.Status.Name(battle.status)
        result = battle.Winner.Name(battle.winner) if battle.HasField("winner") else ABSENT
        about = (battle.category, moment(battle.created_at))
        id_ = plain(battle.id)
        table.add_row(
            id_ if wide else id_.append(f"\n{', '.join(about)}", style="dim"),
            Text(status, style=STATUS_STYLES.get(status, "")),
            plain(_model(battle.model_a_id, names, hidden=ABSENT)),
            plain(_model(battle.model_b_id, names, hidden=ABSENT)),
            plain(result),
            *(map(plain, about) if wide else ()),
        )
    return table


def _described(model: VoiceModel) -> str:
    voice = voice_of(model)
    return voice if model.name in ("", voice) else f"{model.name} ({voice})"


def _model(model_id: str, names: Mapping[str, str], hidden: str = "not shown before you have voted") -> str:
    return names.get(model_id, model_id) if model_id else hidden


def _change(change: RatingChange) -> str:
    return f"{change.before:.0f} → {change.after:.0f} ({change.after - change.before:+.1f})"


def _metric_vote(battle: Battle, *, swapped: bool) -> str:
    """Returns what the metrics say about the clips. With `swapped`, clip A is side B of the battle."""
    vote = battle.metric_vote
    scores = (vote.score_b, vote.score_a) if swapped else (vote.score_a, vote.score_b)
    answer = battle.Winner.Name(vote.answer)
    if swapped:
        answer = {"a": "b", "b": "a"}.get(answer, answer)
    return f"The metrics say: {ANSWER_WORDS[answer]} (A {scores[0]:.2f}, B {scores[1]:.2f})."


def _sides(first: SideMetrics, second: SideMetrics) -> Table:
    """Returns the metrics of two clips side by side, without those that neither has."""
    table = new_table("Metric", "A", "B", right=("A", "B"))
    for name, (label, shown) in SIDE_METRICS.items():
        values = [getattr(side, name) if has(side, name) else None for side in (first, second)]
        if any(value is not None for value in values):
            table.add_row(label, *(shown(value) for value in values))
    return table
