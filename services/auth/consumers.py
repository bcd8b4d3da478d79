"""The handlers of the events that auth consumes."""

from collections.abc import Mapping

from google.protobuf.message import Message
from voicearena.auth.v1.events_pb2 import ApiKeyRevoked

from services.auth.inviting_keys import InvitingKeys
from services.auth.key_cache import KeyCache
from services.runtime.bus import EventMetadata, Handler


def handlers(cache: KeyCache, inviting: InvitingKeys) -> Mapping[type[Message], Handler]:
    """Returns the handler of each event."""

    async def api_key_revoked(event: ApiKeyRevoked, _: EventMetadata) -> None:
        cache.forget(event.api_key_id)
        inviting.forget(event.api_key_id)

    return {ApiKeyRevoked: api_key_revoked}
