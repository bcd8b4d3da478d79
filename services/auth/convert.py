"""Converts domain values to protobuf messages, and back."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from voicearena.auth.v1 import auth_pb2, auth_service_pb2

from services.auth import domain
from services.auth.voters import VoterSession
from services.runtime.clock import timestamp


def developer(value: domain.Developer) -> auth_pb2.Developer:
    """Returns a developer as a message."""
    return auth_pb2.Developer(id=value.id, name=value.name, email=value.email, created_at=timestamp(value.created_at))


def api_key(value: domain.ApiKey) -> auth_pb2.ApiKey:
    """Returns an API key as a message, without its hash."""
    times = {
        name: timestamp(getattr(value, name)) for name in ("created_at", "revoked_at", "expires_at", "last_used_at")
    }
    return auth_pb2.ApiKey(
        id=value.id, name=value.name, prefix=value.prefix, scopes=value.scopes, replaced_by=value.replaced_by, **times
    )


def voter_session(value: VoterSession) -> auth_service_pb2.CreateVoterResponse:
    """Returns a new voter session as a message."""
    return auth_service_pb2.CreateVoterResponse(
        id=value.id, session_token=value.token, expires_at=timestamp(value.expires_at)
    )


def moment(value: Timestamp) -> datetime:
    """Returns a time. A time outside of the years 1 to 9999 becomes the nearest time within."""
    try:
        return value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC) if value.seconds > 0 else datetime.min.replace(tzinfo=UTC)
