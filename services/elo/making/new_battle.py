"""What a developer wants to compare."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.elo.scenarios.domain import CATEGORY, CATEGORY_RULE
from services.runtime import ids
from services.runtime.validation import Validation

MAX_URL_CHARACTERS = 2000
_FIELDS = ("model_a_id", "model_b_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBattle:
    """What a developer wants to compare. The matchmaker chooses what is empty."""

    model_a_id: str = ""
    model_b_id: str = ""
    scenario_id: str = ""
    category: str = ""
    private: bool = False
    webhook_url: str = ""
    request_id: str = ""

    @property
    def model_ids(self) -> Sequence[str]:
        """The models that are named."""
        return [each for each in (self.model_a_id, self.model_b_id) if each]

    def field_of(self, model_id: str) -> str:
        """Returns the field that names this model."""
        return "model_a_id" if model_id == self.model_a_id else "model_b_id"

    def check(self) -> None:
        """Raises InvalidInput if the request is malformed."""
        for field in _FIELDS:
            if value := getattr(self, field):
                ids.check_id(value, "mdl", field)
        if self.scenario_id:
            ids.check_id(self.scenario_id, "scn", "scenario_id")
        valid = Validation()
        valid.require(
            not self.model_a_id or self.model_a_id != self.model_b_id,
            "model_b_id",
            "must be another voice model than model_a_id; leave it empty to have one drawn",
        )
        valid.require(
            not (self.category and self.scenario_id),
            "category",
            "must be empty if scenario_id is given, because the scenario has a category",
        )
        valid.require(
            not self.category or bool(CATEGORY.fullmatch(self.category)),
            "category",
            f"{CATEGORY_RULE}; GET /api/v1/scenarios lists scenarios with their categories",
        )
        if self.webhook_url and valid.text(self.webhook_url, "webhook_url", max_characters=MAX_URL_CHARACTERS):
            is_http = self.webhook_url.startswith(("http://", "https://"))
            valid.require(is_http, "webhook_url", "must be an http or https URL")
        valid.request_id(self.request_id)
        valid.finish()
