"""The scenarios that the installation brings: texts of our own, for battles from the first minute.

`texts/` has one file per category. `built_in_scenarios` reads and checks them. Numbers, amounts, dates, addresses and
names in the texts are made up: phone numbers are from the range that is reserved for fiction, web and e-mail addresses
from domains reserved for examples.
"""

from services.elo.scenarios.built_in import BUILT_IN_CATEGORIES, BuiltInScenario, built_in_scenarios
from services.elo.scenarios.domain import Difficulty

__all__ = ["BUILT_IN_CATEGORIES", "BuiltInScenario", "Difficulty", "built_in_scenarios"]
