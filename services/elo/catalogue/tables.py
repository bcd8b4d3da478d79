"""The tables of the catalogue. The migrations create them and say what each column may hold."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

METADATA = sa.MetaData()
_MOMENT = sa.DateTime(timezone=True)
VOICE_MODELS = sa.Table(
    "voice_models",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("seq", sa.BigInteger, sa.Identity(always=True)),
    sa.Column("developer_id", sa.Text),
    sa.Column("request_id", sa.Text),
    sa.Column("request_fingerprint", sa.LargeBinary),
    sa.Column("kind", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("provider", sa.Text),
    sa.Column("version", sa.Text),
    sa.Column("voice_id", sa.Text),
    sa.Column("model_id", sa.Text),
    sa.Column("parameters", JSONB),
    sa.Column("active", sa.Boolean),
    sa.Column("visibility", sa.Text),
    sa.Column("arena", sa.Boolean),
    sa.Column("cost_per_1000_characters", sa.Double),
    sa.Column("approved_at", _MOMENT),
    sa.Column("first_battle_at", _MOMENT),
    sa.Column("created_at", _MOMENT),
    sa.Column("updated_at", _MOMENT),
)
PROVIDERS = sa.Table(
    "providers",
    METADATA,
    sa.Column("id", sa.Text),
    sa.Column("told_at", _MOMENT),
    sa.Column("unavailable_reason", sa.Text),
    sa.Column("parameters", ARRAY(sa.Text)),
    sa.Column("max_text_characters", sa.Integer),
    sa.Column("text_limits", JSONB),
    sa.Column("local", sa.Boolean),
)
KNOWN_VOICES = sa.Table(
    "known_voices",
    METADATA,
    sa.Column("provider", sa.Text),
    sa.Column("voice_id", sa.Text),
    sa.Column("language", sa.Text),
)
