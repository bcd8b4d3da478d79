"""Answers Envoy's ext_authz: an API key or a voter's session in, an identity token out.

Envoy asks before it reads anything of a body, and only about calls that carry an Authorization header: it refuses the
others itself where a key is needed. Its route says which RPCs are public, with `public` in the context extensions. A
denial of a gRPC call carries `grpc-status-details-bin`; for JSON the gateway writes the error.

What Envoy is to remember of a good one goes with the answer as dynamic metadata, `token`, `key` and `believe_ms`, for
gateway/known_keys.lua. `key` is what its calls are counted by: the id of a key, and for a voter a hash of the address.
"""

import base64
import math
from urllib.parse import quote

import structlog
from voicearena.gateway.v1 import external_auth_pb2 as ext_authz
from voicearena.gateway.v1 import external_auth_pb2_grpc

from services.auth.key_cache import KeyCache, Recognised
from services.auth.voters import TOKEN_START, VoterCache
from services.runtime import database_errors
from services.runtime.client_address import CLIENT_ADDRESS_HEADER
from services.runtime.db import DISCONNECTED
from services.runtime.error_status import to_status
from services.runtime.errors import ArenaError, CredentialsMissing, DiskFull, Unauthenticated, Unavailable
from services.runtime.identity import IDENTITY_HEADER, KEY_FAULT_HEADER
from services.runtime.rpc import Context

log = structlog.get_logger()

MAX_HEADER_CHARACTERS = 500
# What the gateway's route says of an RPC that can be called without a key.
PUBLIC = "public"
JSON_PREFIX = "/api/"
# google.rpc.Code -> HTTP, for what is answered here.
HTTP_STATUS = {16: 401, 14: 503}
# The gateway answers with 503 and the reason DISK_FULL (gateway/gateway_errors.py).
FULL_DISK_STATUS = 507
# What stands for itself in a grpc-message.
UNQUOTED = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


class GatewayAuthorization(external_auth_pb2_grpc.AuthorizationServicer):
    """Implements Envoy's Authorization service."""

    def __init__(self, cache: KeyCache, voters: VoterCache) -> None:
        self._cache = cache
        self._voters = voters

    async def Check(self, request: ext_authz.CheckRequest, context: Context) -> ext_authz.CheckResponse:
        """Lets a call go on as the developer of its key or as the voter of its session; a public one also as nobody."""
        http = request.attributes.request.http
        public = PUBLIC in request.attributes.context_extensions
        json = http.path.startswith(JSON_PREFIX)
        try:
            return _allow(await self._recognise(http))
        except Unauthenticated as error:
            # What needs no key goes on without it; where there is something that only a key opens, the service says why
            # this one did not.
            return _allow(None, fault=error.message) if public else _deny(error, json=json)
        except (*DISCONNECTED, TimeoutError) as error:
            log.warning("an API key can't be looked up", error=str(error))
            why = database_errors.explain(error)
            fault = why if isinstance(why, DiskFull) else Unavailable(f"API keys can't be checked: {why.message}")
            return _deny(fault, json=json)

    async def _recognise(self, http: ext_authz.AttributeContext.HttpRequest) -> Recognised:
        credential = _credential(http.headers.get("authorization", ""))
        if credential.startswith(TOKEN_START):
            return self._voters.recognise(credential, http.headers.get(CLIENT_ADDRESS_HEADER, ""))
        return await self._cache.recognise(credential)


def _credential(authorization: str) -> str:
    scheme, _, credential = authorization.partition(" ")
    if not authorization:
        raise CredentialsMissing("an API key is needed: send it as `Authorization: Bearer KEY`")
    if scheme.lower() != "bearer" or len(authorization) > MAX_HEADER_CHARACTERS:
        raise Unauthenticated("the Authorization header must be `Bearer KEY`")
    return credential.strip()


def _allow(recognised: Recognised | None, fault: str = "") -> ext_authz.CheckResponse:
    response = ext_authz.CheckResponse()
    response.status.code = 0
    response.ok_response.headers_to_remove.append("authorization")
    if fault:
        _add_header(response, KEY_FAULT_HEADER, fault)
    if recognised:
        _add_header(response, IDENTITY_HEADER, recognised.token)
        response.dynamic_metadata.update(
            {
                "token": recognised.token,
                "key": recognised.key_id,
                "believe_ms": math.floor(recognised.believed_seconds * 1000),
            }
        )
    return response


def _add_header(response: ext_authz.CheckResponse, name: str, value: str) -> None:
    option = response.ok_response.headers.add(
        append_action=ext_authz.HeaderValueOption.AppendAction.OVERWRITE_IF_EXISTS_OR_ADD
    )
    option.header.key, option.header.value = name, value


def _deny(error: ArenaError, *, json: bool) -> ext_authz.CheckResponse:
    status = to_status(error)
    response = ext_authz.CheckResponse()
    response.status.CopyFrom(status)
    denied = response.denied_response
    denied.status.code = FULL_DISK_STATUS if isinstance(error, DiskFull) else HTTP_STATUS[status.code]
    denied.body = status.message
    if json:
        return response
    headers = {
        "grpc-status-details-bin": base64.b64encode(status.SerializeToString()).decode().rstrip("="),
        # gRPC-Web has no room for the body, from which Envoy makes it for gRPC.
        "grpc-message": quote(status.message, safe=UNQUOTED),
    }
    for name, value in headers.items():
        option = denied.headers.add(append_action=ext_authz.HeaderValueOption.AppendAction.OVERWRITE_IF_EXISTS_OR_ADD)
        option.header.key, option.header.value = name, value
    return response
