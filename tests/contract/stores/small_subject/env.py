"""Alembic's entry point; the work is in the runtime."""

from services.runtime.migration import run

run()
