"""Which code and models stand behind a step, with their versions. An audit is out of date when they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version

from services.scoring.availability import CODE, ROLES
from services.scoring.backends.backend import BackendSettings
from services.scoring.pipeline.evaluating import chosen_steps
from services.scoring.pipeline.steps import STEPS


def builds_on(step: str) -> tuple[str, ...]:
    """Returns the steps that a step needs or uses, directly or not, and itself as the last one."""
    return tuple(one.name for one in chosen_steps((step,)))


def measured_by(settings: BackendSettings) -> Mapping[str, str]:
    """Returns for each step what stands behind it in this installation. Loads no model."""
    return {step.name: ", ".join(_parts(step.name, settings)) for step in STEPS}


def _parts(step: str, settings: BackendSettings) -> list[str]:
    found = [part for one in builds_on(step) for part in _own(one, settings)]
    # Secrets have no effect on values.
    found += [
        f"{field.name}={value}"
        for field in fields(settings)
        if (value := getattr(settings, field.name)) != field.default and "token" not in field.name
    ]
    return list(dict.fromkeys(found))


def _own(step: str, settings: BackendSettings) -> list[str]:
    if step in CODE:
        return [CODE[step]]
    if step not in ROLES:
        return []
    # Several models can do a step together, as for naturalness.
    able = [one for one in ROLES[step].candidates if not one.missing(settings)]
    return [f"{one.name}/{_installed(one.package)}" for one in able]


def _installed(package: str) -> str:
    try:
        return f"{package}-{version(package)}"
    except PackageNotFoundError:
        return package
