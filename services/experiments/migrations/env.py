"""Alembic's entry point. The runtime runs the migrations."""

from services.runtime.migration import run

run()
