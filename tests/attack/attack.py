"""Defines what an attack is, and collects all attacks."""

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
    """This attack can't be tried on this mesh. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack. `run` raises AssertionError if the promise is broken, and CannotTry if the attack can't be tried."""

    title: str
    """What the attacker does: a short phrase that starts with a verb."""
    promise: str
    """What must happen, as the table shows it."""
    run: Try


_ATTACKS: list[Attack] = []


def attack(title: str, *, promise: str) -> Callable[[Try], Try]:
    """Adds the decorated function to the attacks."""

    def add(run: Try) -> Try:
        if any(each.title == title for each in _ATTACKS):
            raise ValueError(f"Two attacks have the title {title!r}.")
        _ATTACKS.append(Attack(title, promise, run))
        return run

    return add


def attacks() -> list[Attack]:
    """Returns all attacks of the modules in `cases`, ordered by file name."""
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda each: each.name):
        importlib.import_module(f"{cases.__name__}.{module.name}")
    return list(_ATTACKS)
