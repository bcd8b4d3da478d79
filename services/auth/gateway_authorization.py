"""Implements Envoy's ext_authz: exchanges an API key or a voter's session token for an identity token.

Envoy calls it before it reads the body, and only for calls with an Authorization header. Envoy itself refuses calls
without one if the RPC is not public. The context extension `public` marks public RPCs. A refused gRPC call gets
`grpc-status-details-bin`; for JSON the gateway writes the error.

An allowed call's response has the dynamic metadata `token`, `key` and `believe_ms`, which gateway/known_keys.lua stores
for that time. Calls are counted by `key`: the id of the API key, or for a voter a hash of the address.
"""

import base64
import math
from urllib.parse import quote

import structlog
from voicearena.gateway.v1 import external_auth_pb2 as ext_authz
from voicearena.gateway.v1 import external_auth_pb2_grpc

from services.auth.key_cache import Authentication, KeyCache
from services.auth.voters import TOKEN_START, VoterCache
from services.runtime import database_errors
from services.runtime.client_address import CLIENT_ADDRESS_HEADER
from services.runtime.db import DISCONNECTED
from services.runtime.error_status import to_status
from services.runtime.errors import ArenaError, CredentialsMissing, DiskFull, Unauthenticated, Unavailable
from services.runtime.identity import IDENTITY_HEADER, KEY_FAULT_HEADER, KEY_NEEDED
from services.runtime.rpc import Context

log = structlog.get_logger()

MAX_HEADER_CHARACTERS = 500
# The context extension of a public RPC's route in the gateway.
PUBLIC = "public"
JSON_PREFIX = "/api/"
# google.rpc.Code -> HTTP status, for the errors of this service.
HTTP_STATUS = {16: 401, 14: 503}
# The gateway turns it into 503 with the reason DISK_FULL (gateway/gateway_errors.py).
FULL_DISK_STATUS = 507
# Characters that are not percent-encoded in a grpc-message.
UNQUOTED = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


class GatewayAuthorization(external_auth_pb2_grpc.AuthorizationServicer):
    """Implements Envoy's Authorization service."""

    def __init__(self, cache: KeyCache, voters: VoterCache) -> None:
        self._cache = cache
        self._voters = voters

    async def Check(self, request: ext_authz.CheckRequest, context: Context) -> ext_authz.CheckResponse:
        """Allows a call with the identity of its API key or session, or a public call without an identity."""
        http = request.attributes.request.http
        public = PUBLIC in request.attributes.context_extensions
        json = http.path.startswith(JSON_PREFIX)
        try:
            return _allow(await self._authenticate(http))
        except Unauthenticated as error:
            # A public call passes without an identity. If the service then needs one, it returns this fault.
            return _allow(None, fault=error.message) if public else _deny(error, json=json)
        except (*DISCONNECTED, TimeoutError) as error:
            log.warning("an API key can't be looked up", error=str(error))
            cause = database_errors.explain(error)
            fault = cause if isinstance(cause, DiskFull) else Unavailable(f"API keys can't be checked. {cause.message}")
            return _deny(fault, json=json)

    async def _authenticate(self, http: ext_authz.AttributeContext.HttpRequest) -> Authentication:
        credential = _credential(http.headers.get("authorization", ""))
        if credential.startswith(TOKEN_START):
            return await self._voters.authenticate(credential, http.headers.get(CLIENT_ADDRESS_HEADER, ""))
        return await self._cache.authenticate(credential)


def _credential(authorization: str) -> str:
    scheme, _, credential = authorization.partition(" ")
    if not authorization:
        raise CredentialsMissing(KEY_NEEDED)
    if scheme.lower() != "bearer" or len(authorization) > MAX_HEADER_CHARACTERS:
        raise Unauthenticated("The Authorization header must be `Bearer KEY`")
    return credential.strip()


def _allow(authentication: Authentication | None, fault: str = "") -> ext_authz.CheckResponse:
    response = ext_authz.CheckResponse()
    response.status.code = 0
    response.ok_response.headers_to_remove.append("authorization")
    if fault:
        _add_header(response, KEY_FAULT_HEADER, fault)
    if authentication:
        _add_header(response, IDENTITY_HEADER, authentication.token)
        response.dynamic_metadata.update(
            {
                "token": authentication.token,
                "key": authentication.key_id,
                "believe_ms": math.floor(authentication.valid_seconds * 1000),
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
        # For gRPC, Envoy makes it from the body. For gRPC-Web it does not.
        "grpc-message": quote(status.message, safe=UNQUOTED),
    }
    for name, value in headers.items():
        option = denied.headers.add(append_action=ext_authz.HeaderValueOption.AppendAction.OVERWRITE_IF_EXISTS_OR_ADD)
        option.header.key, option.header.value = name, value
    return response
