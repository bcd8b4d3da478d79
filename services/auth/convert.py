"""Between the domain and the wire."""

from voicearena.auth.v1 import auth_pb2

from services.auth import domain


def developer(value: domain.Developer) -> auth_pb2.Developer:
    """Returns a developer as it goes over the wire."""
    message = auth_pb2.Developer(id=value.id, name=value.name, email=value.email)
    message.created_at.FromDatetime(value.created_at)
    return message


def api_key(value: domain.ApiKey) -> auth_pb2.ApiKey:
    """Returns an API key as it goes over the wire, without its hash."""
    message = auth_pb2.ApiKey(id=value.id, name=value.name, prefix=value.prefix)
    message.created_at.FromDatetime(value.created_at)
    if value.revoked_at is not None:
        message.revoked_at.FromDatetime(value.revoked_at)
    return message
