"""The use cases of scenarios."""

import dataclasses
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.domain import INSTALLATION, LANGUAGE, LANGUAGE_RULE, Visibility
from services.elo.quota import Quota
from services.elo.scenarios import domain
from services.elo.scenarios.domain import Scenario
from services.elo.scenarios.store import Filters, ScenarioStore
from services.elo.visibility import Approval, is_visible
from services.runtime import ids
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import AlreadyExists, FieldViolation, InvalidInput, NotFound, PermissionDenied, WrongState
from services.runtime.identity import current_identity, current_reader
from services.runtime.pages import Pages
from services.runtime.request_ids import current_fingerprint
from services.runtime.validation import Validation


class Scenarios:
    """The use cases over one database."""

    def __init__(
        self, database: Database, store: ScenarioStore, pages: Pages, max_scenarios: int, approval: Approval
    ) -> None:
        """`max_scenarios` is the number of scenarios that a developer may have, without archived ones."""
        self._database = database
        self._store = store
        self._pages = pages
        self._quota = Quota("scenarios", max_scenarios, "Archive one of them first.")
        self._approval = approval

    async def create(self, draft: Scenario, request_id: str) -> Scenario:
        """Adds a scenario of the caller and returns it. `draft` needs no id or owner.

        Raises InvalidInput if it is malformed, and QuotaExceeded if the caller has reached the limit of scenarios.
        """
        valid = Validation()
        domain.check(draft, valid)
        valid.request_id(request_id)
        valid.finish()
        scenario = dataclasses.replace(
            draft, id=ids.new_id("scn"), developer_id=current_identity().developer_id, created_at=now()
        )
        async with self._database.transaction() as connection:
            # Counting comes first, because it locks out other requests of the same developer.
            counts = await self._store.count(connection, scenario.developer_id)
            before = request_id and await self._store.find_request(connection, scenario.developer_id, request_id)
            if before:
                return before.repeated()
            self._quota.check(counts)
            if not await self._store.add(connection, scenario, request_id, current_fingerprint()):
                raise AlreadyExists("The scenario exists already")
            return await self._stored(connection, scenario.id)

    async def page(self, filters: Filters, size: int, token: str) -> tuple[Sequence[Scenario], str]:
        """Returns a page of scenarios, and the token of the next page. The token is empty on the last page."""
        valid = Validation()
        valid.require(
            not filters.category or bool(domain.CATEGORY.fullmatch(filters.category)),
            "category",
            domain.CATEGORY_RULE,
        )
        valid.require(
            not filters.language or bool(LANGUAGE.fullmatch(filters.language)),
            "language",
            LANGUAGE_RULE,
        )
        valid.finish()
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "scenarios", **dataclasses.asdict(filters)},
                lambda after, limit: self._store.page(
                    connection, filters, self._approval, after=after[0] if after else 0, limit=limit
                ),
                lambda scenario: (scenario.seq,),
            )

    async def get(self, scenario_id: str) -> Scenario:
        """Returns a scenario. Raises NotFound if it does not exist or is private to another developer."""
        ids.check_id(scenario_id, "scn")
        async with self._database.reading() as connection:
            return await self._stored(connection, scenario_id)

    async def update(self, changed: Scenario, mask: Sequence[str]) -> Scenario:
        """Changes the fields that the mask names.

        Raises PermissionDenied unless the caller created the scenario, and WrongState if a battle forbids the change.
        """
        ids.check_id(changed.id, "scn")
        if not mask or any(path not in domain.UPDATABLE for path in mask):
            names = ", ".join(domain.UPDATABLE)
            raise InvalidInput.of(FieldViolation("update_mask", f"must have one or more of these paths: {names}"))
        async with self._database.transaction() as connection:
            before = await self._own(connection, changed.id)
            scenario = domain.changed(before, {path: getattr(changed, path) for path in mask}, now())
            valid = Validation()
            domain.check(scenario, valid)
            valid.finish()
            await self._store.update(connection, scenario)
            return scenario

    async def archive(self, scenario_id: str) -> Scenario:
        """Ends the use of a scenario in new battles. Raises PermissionDenied unless the caller created it."""
        ids.check_id(scenario_id, "scn")
        async with self._database.transaction() as connection:
            scenario = await self._own(connection, scenario_id)
            if not scenario.archived:
                scenario = dataclasses.replace(scenario, archived=True, updated_at=now())
                await self._store.update(connection, scenario)
            return scenario

    async def approve(self, scenario_id: str) -> Scenario:
        """Lets public battles use a public scenario. Raises PermissionDenied unless the caller is an operator."""
        ids.check_id(scenario_id, "scn")
        self._approval.check_operator(current_identity().developer_id)
        async with self._database.transaction() as connection:
            scenario = await self._stored(connection, scenario_id, lock=True)
            if scenario.visibility is Visibility.PRIVATE:
                raise WrongState("A private scenario needs no approval, because public battles do not use it")
            if scenario.developer_id != INSTALLATION and scenario.approved_at is None:
                scenario = dataclasses.replace(scenario, approved_at=now())
                await self._store.update(connection, scenario)
            return scenario

    async def _own(self, connection: AsyncConnection, scenario_id: str) -> Scenario:
        """Locks a scenario of the caller and returns it."""
        scenario = await self._stored(connection, scenario_id, lock=True)
        if scenario.developer_id != current_identity().developer_id:
            raise PermissionDenied("Only the developer who created a scenario can change it")
        return scenario

    async def _stored(self, connection: AsyncConnection, scenario_id: str, *, lock: bool = False) -> Scenario:
        """Returns a scenario that the caller can see. Raises NotFound otherwise."""
        scenario = await self._store.get(connection, scenario_id, lock=lock)
        if scenario is None or not is_visible(scenario, current_reader()):
            raise NotFound.of("scenario", scenario_id)
        return scenario
