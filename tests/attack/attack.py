"""What an attack is, and the list of all of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.attack import cases
from tests.attack.target import Target

MAX_ATTACK_SECONDS = 30.0

Try = Callable[[Target], Awaitable[None]]


class CannotTry(Exception):
    """The mesh at hand does not allow this attack to be tried. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack. `run` raises AssertionError if the promise is broken, and CannotTry if it could not be tried."""

    title: str
    """What the attacker does, as a short phrase."""
    promise: str
    """What should happen instead, as the table shows it."""
    run: Try


_ATTACKS: list[Attack] = []


def attack(title: str, *, promise: str) -> Callable[[Try], Try]:
    """Adds the decorated function to the attacks."""

    def add(run: Try) -> Try:
        if any(each.title == title for each in _ATTACKS):
            raise ValueError(f"two attacks are called {title!r}")
        _ATTACKS.append(Attack(title, promise, run))
        return run

    return add


def attacks() -> list[Attack]:
    """Returns every attack of the modules in `cases`, in the order of their files."""
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda each: each.name):
        importlib.import_module(f"{cases.__name__}.{module.name}")
    return list(_ATTACKS)
