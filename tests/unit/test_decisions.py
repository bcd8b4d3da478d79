"""DECISIONS.md is complete: its numbers, its table of subjects, and the references between entries."""

import re
from pathlib import Path

import pytest

from tests.unit.test_documents import FENCE, NAME, names_in_the_code

TEXT = (Path(__file__).parents[2] / "DECISIONS.md").read_text()
INTRODUCTION, *SECTIONS = re.split(r"^## ", TEXT, flags=re.MULTILINE)
ENTRIES = {int(section.partition(".")[0]): section for section in SECTIONS}
# The label with which an entry refers to a later entry, and the label with which the later entry refers back.
REFERENCES = {"Superseded by": "Supersedes", "Changed by": "Changes", "Extended by": "Extends"}

# Names in the entries that are not names of the code: other programs, their settings, and removed names.
NOT_IN_THE_CODE = {
    "ACCESS_LOG",
    "ENVOY_ADMIN_PORT",
    "LARGEST_",
    "LONGEST_",
    "MOST_",
    "SHORTEST_",
    "acyclic_siblings",
    "search_path",
    "stamina",
    "tenacity",
    "unsign",
}


def labelled(number: int, label: str) -> list[int]:
    """Returns the entries that an entry names in bold text after a label, such as 28 and 63 in `Extends 28 and 63`."""
    bold = " ".join(re.findall(r"\*\*(.*?)\*\*", ENTRIES[number], re.DOTALL))
    found = re.findall(rf"{label} (\d+(?:(?:, | and )\d+)*)", bold)
    return [int(digits) for numbers in found for digits in re.findall(r"\d+", numbers)]


def test_entries_are_numbered_without_gaps() -> None:
    assert list(ENTRIES) == list(range(1, len(SECTIONS) + 1))


def test_each_entry_is_in_the_table_of_subjects_once() -> None:
    rows = re.findall(r"^\| .* \| ([\d, ]+) \|$", INTRODUCTION, re.MULTILINE)
    listed = [int(number) for row in rows for number in row.split(", ")]
    assert sorted(listed) == list(ENTRIES)


@pytest.mark.parametrize(("earlier_label", "later_label"), REFERENCES.items())
def test_entries_refer_to_each_other(earlier_label: str, later_label: str) -> None:
    earlier = {(number, later) for number in ENTRIES for later in labelled(number, earlier_label)}
    later = {(number, later) for later in ENTRIES for number in labelled(later, later_label)}
    assert earlier == later != set()


def test_names_that_entries_take_from_the_code_exist() -> None:
    named = set(NAME.findall(FENCE.sub("", TEXT)))
    missing = {name for name in named if not names_in_the_code().issuperset(name.split("."))}
    assert missing - NOT_IN_THE_CODE == set()
