"""Between the domain and the wire."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from voicearena.auth.v1 import auth_pb2, auth_service_pb2

from services.auth import domain
from services.auth.voters import VoterSession


def developer(value: domain.Developer) -> auth_pb2.Developer:
    """Returns a developer as it goes over the wire."""
    message = auth_pb2.Developer(id=value.id, name=value.name, email=value.email)
    message.created_at.FromDatetime(value.created_at)
    return message


def api_key(value: domain.ApiKey) -> auth_pb2.ApiKey:
    """Returns an API key as it goes over the wire, without its hash."""
    message = auth_pb2.ApiKey(
        id=value.id, name=value.name, prefix=value.prefix, scopes=value.scopes, replaced_by=value.replaced_by
    )
    message.created_at.FromDatetime(value.created_at)
    for name in ("revoked_at", "expires_at", "last_used_at"):
        if (moment := getattr(value, name)) is not None:
            getattr(message, name).FromDatetime(moment)
    return message


def voter_session(value: VoterSession) -> auth_service_pb2.CreateVoterResponse:
    """Returns a new voter session as it goes over the wire."""
    message = auth_service_pb2.CreateVoterResponse(id=value.id, session_token=value.token)
    message.expires_at.FromDatetime(value.expires_at)
    return message


def moment(value: Timestamp) -> datetime:
    """Returns a time; the last that there is for one that no calendar has."""
    try:
        return value.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC) if value.seconds > 0 else datetime.min.replace(tzinfo=UTC)
