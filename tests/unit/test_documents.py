"""What the documents refer to exists: files, headings, and targets of the Makefile."""

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from gateway.cli.main import app
from tests.attack.attack import attacks

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs"
FENCE = re.compile(r"^(`{3,})[^\n]*\n.*?^\1$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`?]*)(?:\?[^`]*)?`")
ARENA = re.compile(r"`arena ([a-z][a-z -]*[a-z])")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)>\s]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
FILE = re.compile(r"\b(?:services|gateway|deploy|protos|tests)/[\w./-]+\.(?:py|lua|j2|proto)\b")
MAKE = re.compile(r"(?:^|`)make +(?:[A-Z]+=\S+ +)*([a-z][a-z-]*)", re.MULTILINE)
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)


# A name in code: `Subject`, `Dispatcher.release`, `_check_held`, `DATABASE_URL`.
NAME = re.compile(r"`([A-Za-z_]\w*(?:\.\w+)*)(?:\(\))?`")


def files(*patterns: str) -> list[Path]:
    """Returns the files of the project that match, those too that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return sorted(path for name in listed if (path := ROOT / name).exists())


@cache
def names_in_the_code() -> frozenset[str]:
    """Returns every word in the code, the protos and the configuration."""
    sources = files("*.py", "*.proto", "*.lua", "*.j2")
    return frozenset(word for source in sources for word in re.findall(r"\w+", source.read_text()))


def named(path: Path) -> str:
    """Returns the id of a document's test."""
    return str(path.relative_to(ROOT))


def without_code(text: str) -> str:
    """Returns a document without its code, in which nothing is a link or a heading."""
    return INLINE_CODE.sub("", FENCE.sub("", text))


def anchors(document: Path) -> set[str]:
    """Returns the anchors of a document's headings, as code hosts make them."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in HEADING.findall(FENCE.sub("", document.read_text())):
        anchor = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


def broken_links(document: Path) -> Iterator[str]:
    """Yields each link that leads nowhere. Of links to other sites only the form is checked."""
    for link in LINK.findall(without_code(document.read_text())):
        target = urlsplit(link)
        if target.scheme:
            if target.scheme not in ("http", "https") or "." not in target.netloc:
                yield link
            continue
        file = document.parent / target.path if target.path else document
        if not file.exists() or (target.fragment and target.fragment not in anchors(file)):
            yield link


DOCUMENTS = files("*.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    assert list(broken_links(document)) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    broken = ["missing.md", "#missing", f"{PAGES}/api.md#missing", "https://nowhere", "mailto:ada"]
    good = ["#a-heading-of-its-own", f"{PAGES}/api.md", f"{ROOT}/README.md#two-commands", "https://example.com/a"]
    document = tmp_path / "page.md"
    links = "\n".join(f"[to]({link})" for link in [*broken, *good])
    document.write_text(f"# A heading, of its own\n{links}\n`[in code](missing.md)`\n")
    assert list(broken_links(document)) == broken


@pytest.mark.parametrize("document", [page for page in DOCUMENTS if page.name != "CHANGELOG.md"], ids=named)
def test_files_that_a_document_names_exist(document: Path) -> None:
    assert [file for file in FILE.findall(document.read_text()) if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_targets_that_a_document_names_are_in_the_makefile(document: Path) -> None:
    targets = TARGET.findall((ROOT / "Makefile").read_text())
    assert "demo" in targets
    text = document.read_text()
    code = "\n".join(match[0] for match in (*FENCE.finditer(text), *INLINE_CODE.finditer(FENCE.sub("", text))))
    assert [target for target in MAKE.findall(code) if target not in targets] == []


def test_the_readme_leads_to_every_page() -> None:
    text = (ROOT / "README.md").read_text()
    assert [page.name for page in sorted(PAGES.glob("*.md")) if f"(docs/{page.name})" not in text] == []


def test_routes_that_documents_name_exist() -> None:
    def normal(verb: str, path: str) -> tuple[str, str]:
        return verb, re.sub(r"\{\w+\}", "{}", path)

    routes = {normal(*found) for found in ROUTE.findall((PAGES / "api.md").read_text())}
    named = [(page.name, *found) for page in PAGES.glob("*.md") for found in ROUTE.findall(page.read_text())]
    assert len(named) > len(routes)
    assert [found for found in named if normal(*found[1:]) not in routes] == []


def test_commands_of_arena_that_documents_name_exist() -> None:
    named = [found for page in PAGES.glob("*.md") for found in ARENA.findall(page.read_text())]
    assert named
    assert [words for words in named if not is_command(words.split())] == []


def is_command(words: list[str]) -> bool:
    """Returns whether `arena` has a command of these words, after which arguments may follow."""
    command = get_command(app)
    for word in words:
        if not isinstance(command, TyperGroup):
            break
        if word not in command.commands:
            # A group with an action of its own takes options.
            return command.invoke_without_command and word.startswith("--")
        command = command.commands[word]
    return True


@pytest.mark.parametrize("page", ["contributing.md", "operating.md", "security.md"])
def test_names_that_a_page_takes_from_the_code_exist(page: str) -> None:
    named = NAME.findall(FENCE.sub("", (PAGES / page).read_text()))
    assert named
    assert [name for name in named if not names_in_the_code().issuperset(name.split("."))] == []


def test_security_names_a_way_to_test_each_promise() -> None:
    rows = [line for line in (PAGES / "security.md").read_text().splitlines() if line.startswith("| ")]
    promises = [cells for row in rows if len(cells := row.strip("| ").split(" | ")) == 4]
    assert len(promises) > 60
    assert [cells[0] for cells in promises if not cells[3].strip()] == []


def test_attacks_that_security_names_exist() -> None:
    named = re.findall(r'the attack "([^"]+)"', (PAGES / "security.md").read_text())
    titles = {attack.title for attack in attacks()}
    assert named
    assert [title for title in named if title not in titles] == []


def test_tests_that_the_page_about_the_arena_names_exist() -> None:
    rows = [line.strip("| ").split(" | ") for line in (PAGES / "arena.md").read_text().splitlines() if "`test_" in line]
    assert len(rows) == 22
    tests = {name for path in files("tests/**/*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}
    assert [name for row in rows for name in re.findall(r"`(test_\w+)`", row[2]) if name not in tests] == []
