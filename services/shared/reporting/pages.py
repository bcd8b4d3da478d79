"""How HTML pages are made from templates. A page has no script and loads nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

FOLDER = Path(__file__).parent


def page_template(template: Path, **filters: Callable[..., str]) -> jinja2.Template:
    """Returns a template that escapes all values, and fails for an unknown one. It can import those in this folder."""
    # The import needs 5 MB, so it happens when the first page is made.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, FOLDER]),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template.name)
