"""Who and what the matchmaker draws from: models and scenarios of a board. Read again only every few seconds."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.battles.domain import BattleStatus
from services.elo.catalogue.arena_voices import gender_of
from services.elo.catalogue.conditions import in_arena, spoken_language
from services.elo.catalogue.domain import longest_text
from services.elo.catalogue.tables import PROVIDERS, VOICE_MODELS
from services.elo.domain import INSTALLATION, ModelKind
from services.elo.making.identity_leak import names_of
from services.elo.overall_boards import overall_boards
from services.elo.ratings import BoardKind
from services.elo.ratings.votes import Floats, Ints
from services.elo.rendering.choosing import Speaker
from services.elo.rendering.store import RenderStore
from services.elo.scenarios.conditions import in_public_battles as public_scenarios
from services.elo.tables import BATTLES, SCENARIOS
from services.elo.visibility import Approval
from services.runtime.clock import now

_M, _S, _B, _P = VOICE_MODELS.c, SCENARIOS.c, BATTLES.c, PROVIDERS.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A model that can be a side of a battle."""

    id: str
    seq: int
    developer_id: str
    speaker: Speaker
    language: str
    """The language without its region, such as `en`. Empty if unknown: then it is expected to speak any text."""
    max_characters: int
    """The length of the longest text that its provider accepts. 0 if unknown."""
    voice_class: str
    """`female` or `male`. Empty if unknown."""
    names: frozenset[str]
    """By which it can be recognized; see `identity_leak`."""

    def can_speak(self, scenario: "RosterScenario") -> bool:
        """Returns whether it speaks the language of a scenario, and a text of that length."""
        fits = not self.max_characters or len(scenario.text) <= self.max_characters
        return fits and self.language in ("", scenario.language_family)


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterScenario:
    """A scenario that a battle can have."""

    id: str
    seq: int
    name: str
    category: str
    language: str
    text: str
    votes: int
    ties: int

    @property
    def language_family(self) -> str:
        """The language without its region."""
        return family(self.language)


@dataclass(frozen=True, slots=True)
class Roster:
    """The models and scenarios of a board. The arrays are in the order of the models."""

    models: Sequence[Contender]
    scenarios: Sequence[RosterScenario]
    ratings: Floats
    """The published ratings, NaN for models that have none."""
    half_widths: Floats
    """(models, models): of the difference of each pair. Infinite if unknown."""
    prepared: Ints
    """(models, models), symmetric: the battles of each pair that are being prepared or open."""

    def with_model(self, model: Contender) -> "Roster":
        """Returns the roster with one more model, about which nothing is known. The same if it has the model."""
        if model.id in {each.id for each in self.models}:
            return self
        half_widths = np.pad(self.half_widths, (0, 1), constant_values=np.inf)
        half_widths[-1, -1] = 0
        return Roster(
            [*self.models, model],
            self.scenarios,
            np.append(self.ratings, np.nan),
            half_widths,
            np.pad(self.prepared, (0, 1)),
        )

    def count(self, first: int, second: int) -> None:
        """Counts a battle that was just made."""
        self.prepared[first, second] += 1
        self.prepared[second, first] += 1


def family(language: str) -> str:
    """Returns a language without its region: `en` of `en-GB`."""
    return language.split("-")[0].lower()


class RosterStore:
    """Reads rosters."""

    def __init__(self, renders: RenderStore, approval: Approval, providers: Collection[str]) -> None:
        """`providers` are those that take part besides the local ones."""
        self._renders = renders
        self._approval = approval
        self._providers = providers

    async def public(self, connection: AsyncConnection) -> Roster:
        """Returns the roster of the public board."""
        return await self._read(connection, INSTALLATION, self._in_arena, self._public_scenarios)

    async def of_developer(self, connection: AsyncConnection, developer_id: str) -> Roster:
        """Returns the roster of a developer's own board: what is theirs, and what is public."""
        models = sa.or_(sa.and_(_M.arena, _M.developer_id == developer_id), self._in_arena)
        scenarios = sa.or_(_S.developer_id == developer_id, self._public_scenarios)
        return await self._read(connection, developer_id, models, scenarios)

    async def names(self, connection: AsyncConnection, model_ids: Collection[str]) -> frozenset[str]:
        """Returns the names by which models can be recognized, whether they can be used or not."""
        query = sa.select(_M.name, _M.provider, _M.model_id, _M.voice_id).where(_M.id.in_(model_ids))
        return frozenset().union(*(names_of(*row) for row in await connection.execute(query)))

    @property
    def _in_arena(self) -> "sa.ColumnElement[bool]":
        return in_arena(self._approval, self._providers)

    @property
    def _public_scenarios(self) -> "sa.ColumnElement[bool]":
        return public_scenarios(self._approval)

    async def _read(
        self,
        connection: AsyncConnection,
        owner: str,
        of_models: "sa.ColumnElement[bool]",
        of_scenarios: "sa.ColumnElement[bool]",
    ) -> Roster:
        sitting_out = await self._renders.sitting_out(connection, now())
        query = sa.select(*contender_columns()).select_from(models_with_providers())
        query = query.where(_M.active, of_models, sa.or_(_P.unavailable_reason == "", _M.kind == ModelKind.RECORDED))
        found = [contender(row) for row in await connection.execute(query.order_by(_M.seq))]
        models = [each for each in found if each.id not in sitting_out]
        of_board = sa.select(*SCENARIO_COLUMNS).where(~_S.archived, of_scenarios).order_by(_S.seq)
        scenarios = [scenario(row) for row in await connection.execute(of_board)]
        ratings, half_widths = await _published(connection, owner, models)
        prepared = await _prepared(connection, owner, models)
        return Roster(models, scenarios, ratings, half_widths, prepared)


def contender_columns() -> "Sequence[sa.ColumnElement[Any]]":
    """Returns the columns from which `contender` makes a model, to select from `models_with_providers`."""
    own = [_M[name] for name in ("id", "seq", "developer_id", "name", "provider", "voice_id", "model_id", "kind")]
    return [*own, spoken_language().label("language"), _P.max_text_characters, _P.text_limits]


def models_with_providers() -> sa.Join:
    """Returns the models, each with what is known about its provider."""
    return VOICE_MODELS.outerjoin(PROVIDERS, _P.id == _M.provider)


def contender(row: Any) -> Contender:
    """Returns the model in a row of `contender_columns`."""
    kind = ModelKind(row.kind)
    return Contender(
        id=row.id,
        seq=row.seq,
        developer_id=row.developer_id,
        speaker=Speaker(row.id, kind, row.provider),
        language=family(row.language),
        max_characters=0
        if kind is ModelKind.RECORDED
        else longest_text(row.model_id, row.max_text_characters or 0, row.text_limits or ()),
        voice_class=gender_of(row.name),
        names=names_of(row.name, row.provider, row.model_id, row.voice_id),
    )


SCENARIO_COLUMNS = [
    *(_S[name] for name in ("id", "seq", "name", "category", "language", "votes", "ties")),
    _S.ground_truth_transcript.label("text"),
]


def scenario(row: Any) -> RosterScenario:
    """Returns the scenario in a row of SCENARIO_COLUMNS."""
    return RosterScenario(**{field.name: getattr(row, field.name) for field in dataclasses.fields(RosterScenario)})


async def _published(connection: AsyncConnection, owner: str, models: Sequence[Contender]) -> tuple[Floats, Floats]:
    """Returns the published ratings of models and the half-widths of their differences."""
    board = (await overall_boards(connection, owner, BoardKind.HYBRID)).get(BoardKind.HYBRID)
    rows = {row.model_id: row for row in board.rows} if board is not None else {}
    ratings, widths = np.full(len(models), np.nan), np.full(len(models), np.inf)
    for position, model in enumerate(models):
        if row := rows.get(model.id):
            ratings[position] = row.rating
            # While one voter or one scenario is all there is, nothing is known about others.
            if row.HasField("rating_low"):
                widths[position] = (row.rating_high - row.rating_low) / 2
    # The errors of two ratings are nearly independent.
    half_widths = np.hypot(widths[:, None], widths)
    np.fill_diagonal(half_widths, 0)
    return ratings, half_widths


async def _prepared(connection: AsyncConnection, owner: str, models: Sequence[Contender]) -> Ints:
    places: Mapping[str, int] = {model.id: place for place, model in enumerate(models)}
    waiting: list[sa.ColumnElement[str]] = [
        sa.literal_column(f"'{status}'") for status in (BattleStatus.PREPARING, BattleStatus.OPEN)
    ]
    pair = (_B.model_a_id, _B.model_b_id)
    query = sa.select(*pair, sa.func.count()).where(_B.owner == owner, _B.status.in_(waiting), _B.control == "")
    prepared = np.zeros((len(models), len(models)), dtype=np.intp)
    for model_a, model_b, battles in await connection.execute(query.group_by(*pair)):
        if model_a in places and model_b in places:
            prepared[places[model_a], places[model_b]] += battles
            prepared[places[model_b], places[model_a]] += battles
    return prepared
