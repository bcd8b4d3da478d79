"""Who may see a battle, and who may know its models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from services.elo.battles.domain import Battle, BattleStatus
from services.runtime.identity import current_caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who looks at battles. All fields are empty for a caller without a key and without a session."""

    developer_id: str = ""
    voter_id: str = ""
    invited_by: str = ""
    """The developer whose key created the voter's session."""

    @classmethod
    def of_call(cls) -> Self:
        """Returns the caller of the current call."""
        caller = current_caller()
        if caller is None:
            return cls()
        if caller.identity is not None:
            return cls(developer_id=caller.identity.developer_id)
        return cls(voter_id=caller.voter.id, invited_by=caller.voter.invited_by) if caller.voter else cls()

    @property
    def own(self) -> str:
        """The developer whose private battles the viewer may see. Empty if there is none."""
        return self.developer_id or self.invited_by

    def may_see(self, battle: Battle) -> bool:
        """Returns whether the battle exists for this viewer."""
        return not battle.private or (self.own != "" and self.own == battle.developer_id)

    def may_know_models(self, battle: Battle, *, voted: bool) -> bool:
        """Returns whether the viewer may know who speaks. `voted` says whether they have voted in this battle."""
        if battle.status in (BattleStatus.DECIDED, BattleStatus.VOID) or voted:
            return True
        return battle.models_chosen and self.developer_id != "" and self.developer_id == battle.developer_id
