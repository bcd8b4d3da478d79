"""How HTML pages are made from the templates beside this file. A page has no script and loads nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2

FOLDER = Path(__file__).parent


def page_environment(**filters: Callable[..., str]) -> jinja2.Environment:
    """Returns an environment that escapes all values, and fails for an unknown one."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER), undefined=jinja2.StrictUndefined, autoescape=True, trim_blocks=True
    )
    environment.filters.update(filters)
    return environment
