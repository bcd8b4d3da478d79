"""Alembic's entry point. `services.runtime.migration` does the work."""

from services.runtime.migration import run

run()
