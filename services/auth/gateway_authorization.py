"""Answers Envoy's ext_authz: an API key in, an identity token out.

Envoy asks after it has turned JSON into gRPC, so every path here is `/package.Service/Method`, and a denial that
carries `grpc-status-details-bin` comes out as the same error over gRPC, gRPC-Web and JSON.

What Envoy is to remember of a good key goes with the answer as dynamic metadata, `token`, `key` (its id) and
`believe_ms`, for gateway/known_keys.lua; and `key` for the limits of calls per key.
"""

import base64
import math
from collections.abc import Collection
from urllib.parse import quote

import structlog
from voicearena.gateway.v1 import external_auth_pb2 as ext_authz
from voicearena.gateway.v1 import external_auth_pb2_grpc

from services.auth.key_cache import KeyCache, Recognised
from services.runtime.db import DISCONNECTED
from services.runtime.error_status import to_status
from services.runtime.errors import ArenaError, CredentialsMissing, Unauthenticated, Unavailable
from services.runtime.identity import IDENTITY_HEADER
from services.runtime.rpc import Context

log = structlog.get_logger()

LONGEST_HEADER = 500
# google.rpc.Code -> HTTP, for what is answered here.
HTTP_STATUS = {16: 401, 14: 503}
# What stands for itself in a grpc-message.
UNQUOTED = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


class GatewayAuthorization(external_auth_pb2_grpc.AuthorizationServicer):
    """Implements Envoy's Authorization service. `public` are the paths that need no key."""

    def __init__(self, cache: KeyCache, public: Collection[str]) -> None:
        self._cache = cache
        self._public = frozenset(public)

    async def Check(self, request: ext_authz.CheckRequest, context: Context) -> ext_authz.CheckResponse:
        """Lets a call with a good key go on as its developer, and a public call without one as nobody."""
        http = request.attributes.request.http
        public = http.path.partition("?")[0] in self._public
        try:
            return _allow(await self._cache.recognise(_key(http.headers.get("authorization", ""))))
        except Unauthenticated as error:
            return _allow(None) if public else _deny(error)
        except DISCONNECTED as error:
            log.warning("an API key can't be looked up", error=str(error))
            return _deny(Unavailable("auth can't look up API keys now; try again"))


def _key(authorization: str) -> str:
    scheme, _, key = authorization.partition(" ")
    if not authorization:
        raise CredentialsMissing("an API key is needed: send it as `Authorization: Bearer KEY`")
    if scheme.lower() != "bearer" or len(authorization) > LONGEST_HEADER:
        raise Unauthenticated("the Authorization header must be `Bearer KEY`")
    return key.strip()


def _allow(recognised: Recognised | None) -> ext_authz.CheckResponse:
    response = ext_authz.CheckResponse()
    response.status.code = 0
    response.ok_response.headers_to_remove.append("authorization")
    if recognised:
        option = response.ok_response.headers.add(
            append_action=ext_authz.HeaderValueOption.AppendAction.OVERWRITE_IF_EXISTS_OR_ADD
        )
        option.header.key, option.header.value = IDENTITY_HEADER, recognised.token
        response.dynamic_metadata.update(
            {
                "token": recognised.token,
                "key": recognised.key_id,
                "believe_ms": math.floor(recognised.believed_seconds * 1000),
            }
        )
    return response


def _deny(error: ArenaError) -> ext_authz.CheckResponse:
    status = to_status(error)
    response = ext_authz.CheckResponse()
    response.status.CopyFrom(status)
    denied = response.denied_response
    denied.status.code = HTTP_STATUS[status.code]
    denied.body = status.message
    headers = {
        "grpc-status-details-bin": base64.b64encode(status.SerializeToString()).decode().rstrip("="),
        # gRPC-Web has no room for the body, from which Envoy makes it for gRPC.
        "grpc-message": quote(status.message, safe=UNQUOTED),
    }
    for name, value in headers.items():
        option = denied.headers.add(append_action=ext_authz.HeaderValueOption.AppendAction.OVERWRITE_IF_EXISTS_OR_ADD)
        option.header.key, option.header.value = name, value
    return response
