"""The entry point of Alembic. The runtime does the work."""

from services.runtime import migration

migration.run()
