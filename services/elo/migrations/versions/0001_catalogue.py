"""The catalogue of voice models."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.runtime.migration import create_messaging_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables of models and voices, and the messaging tables."""
    op.create_table(
        "voice_models",
        sa.Column("id", sa.Text, primary_key=True),
        # The order of the catalogue. tts announces the best voice of a provider first, so it gets the lowest number.
        sa.Column("seq", sa.BigInteger, sa.Identity(always=True), nullable=False, unique=True),
        sa.Column("developer_id", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("voice_id", sa.Text, nullable=False),
        sa.Column("model_id", sa.Text, nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        sa.Column("rating", sa.Double, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("developer_id", "provider", "voice_id", "model_id", "version", name="voice_models_same"),
        sa.UniqueConstraint("developer_id", "request_id", name="voice_models_request"),
    )
    op.create_index("voice_models_by_voice", "voice_models", ["provider", "voice_id"])
    op.create_table(
        "known_voices",
        sa.Column("provider", sa.Text, primary_key=True),
        sa.Column("voice_id", sa.Text, primary_key=True),
    )
    create_messaging_tables("elo")
