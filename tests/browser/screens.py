"""The screens that the tests open: those of the shell's table of routes, each with an address that has data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

WEB = Path(__file__).parents[2] / "gateway" / "web"
DIST = WEB / "dist"
ROUTES = WEB / "src" / "app" / "routes.ts"
_PATH = re.compile(r"\bpath:\s*\"([^\"]+)\"")
_CHUNK = re.compile(r"\bimport\(")


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen: its path in the table of routes, such as `/models/:id`."""

    path: str

    @property
    def name(self) -> str:
        """The name for tests and files: `models_id`."""
        return re.sub(r"\W+", "_", self.path).strip("_") or "battle"

    @property
    def area(self) -> str:
        """The first part of the path: `models`."""
        return self.path.split("/")[1]

    def address(self, examples: Mapping[str, str]) -> str:
        """Returns the address of this screen. A path with an id needs an example, so that no screen is left out."""
        if self.path in examples:
            return examples[self.path]
        assert ":" not in self.path, f"Arena.addresses in tests/browser/arena.py needs an address for {self.path}"
        return self.path


def screens() -> list[Screen]:
    """Returns all screens of the shell."""
    text = ROUTES.read_text()
    found = [Screen(path) for path in _PATH.findall(text)]
    assert len(found) == len(_CHUNK.findall(text)) > 0, f"the table in {ROUTES} is not read completely"
    return found
