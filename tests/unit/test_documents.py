"""What the documents name is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
FILE = re.compile(r"\b(?:services|gateway|deploy|protos|tests)/[\w./-]+\.(?:py|lua|j2|proto)\b")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if path.parent.name == "docs"], ids=lambda p: p.name)
def test_files_that_a_document_names_exist(document: Path) -> None:
    named = FILE.findall(document.read_text())
    assert named
    assert [file for file in named if not (ROOT / file).exists()] == []


def test_security_names_a_way_to_test_each_promise() -> None:
    rows = [line for line in (ROOT / "docs" / "security.md").read_text().splitlines() if line.startswith("| ")]
    promises = [cells for row in rows if len(cells := row.strip("| ").split(" | ")) == 4]
    assert len(promises) > 60
    assert [cells[0] for cells in promises if not cells[3].strip()] == []
