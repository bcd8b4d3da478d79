"""Creates the events that auth publishes."""

from voicearena.auth.v1.events_pb2 import ApiKeyRevoked


def api_key_revoked(api_key_id: str, developer_id: str) -> ApiKeyRevoked:
    """Returns the event that a developer has revoked a key."""
    return ApiKeyRevoked(api_key_id=api_key_id, developer_id=developer_id)
