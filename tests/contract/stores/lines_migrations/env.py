"""Run by Alembic; the runtime has prepared everything."""

from services.runtime import migration

migration.run()
