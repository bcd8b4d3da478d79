"""AuthService: converts requests, calls use cases, converts the results."""

from datetime import timedelta

from voicearena.auth.v1 import auth_pb2, auth_service_pb2, auth_service_pb2_grpc

from services.auth import convert
from services.auth.usecases import Auth
from services.auth.voters import Voters
from services.runtime.rpc import Context


class AuthServicer(auth_service_pb2_grpc.AuthServiceServicer):
    """Implements AuthService. The proto describes its RPCs."""

    def __init__(self, auth: Auth, voters: Voters) -> None:
        self._auth = auth
        self._voters = voters

    async def RegisterDeveloper(
        self, request: auth_service_pb2.RegisterDeveloperRequest, context: Context
    ) -> auth_service_pb2.RegisterDeveloperResponse:
        developer, key = await self._auth.register(request.name, request.email, request.request_id)
        return auth_service_pb2.RegisterDeveloperResponse(
            id=developer.id, name=developer.name, email=developer.email, api_key=key
        )

    async def GetCurrentDeveloper(
        self, request: auth_service_pb2.GetCurrentDeveloperRequest, context: Context
    ) -> auth_pb2.Developer:
        return convert.developer(await self._auth.current_developer())

    async def CreateApiKey(
        self, request: auth_service_pb2.CreateApiKeyRequest, context: Context
    ) -> auth_service_pb2.CreateApiKeyResponse:
        api_key, key = await self._auth.create_api_key(
            request.name,
            scopes=request.scopes,
            expires_at=convert.moment(request.expires_at) if request.HasField("expires_at") else None,
            request_id=request.request_id,
        )
        return auth_service_pb2.CreateApiKeyResponse(api_key=convert.api_key(api_key), key=key)

    async def ListApiKeys(
        self, request: auth_service_pb2.ListApiKeysRequest, context: Context
    ) -> auth_service_pb2.ListApiKeysResponse:
        keys, token = await self._auth.list_api_keys(request.page_size, request.page_token)
        return auth_service_pb2.ListApiKeysResponse(api_keys=map(convert.api_key, keys), next_page_token=token)

    async def RevokeApiKey(self, request: auth_service_pb2.RevokeApiKeyRequest, context: Context) -> auth_pb2.ApiKey:
        return convert.api_key(await self._auth.revoke_api_key(request.id))

    async def RotateApiKey(
        self, request: auth_service_pb2.RotateApiKeyRequest, context: Context
    ) -> auth_service_pb2.CreateApiKeyResponse:
        overlap = timedelta(seconds=request.overlap_seconds) if request.HasField("overlap_seconds") else None
        api_key, key = await self._auth.rotate_api_key(request.id, overlap=overlap, request_id=request.request_id)
        return auth_service_pb2.CreateApiKeyResponse(api_key=convert.api_key(api_key), key=key)

    async def CreateVoter(
        self, request: auth_service_pb2.CreateVoterRequest, context: Context
    ) -> auth_service_pb2.CreateVoterResponse:
        return convert.voter_session(await self._voters.create())

    async def CheckApiKeys(
        self, request: auth_service_pb2.CheckApiKeysRequest, context: Context
    ) -> auth_service_pb2.CheckApiKeysResponse:
        faults = await self._auth.key_faults(request.ids)
        return auth_service_pb2.CheckApiKeysResponse(
            faults=[auth_service_pb2.CheckApiKeysResponse.Fault(id=id_, reason=reason) for id_, reason in faults]
        )

    async def ListSigningKeys(
        self, request: auth_service_pb2.ListSigningKeysRequest, context: Context
    ) -> auth_service_pb2.ListSigningKeysResponse:
        keys = await self._auth.signing_keys()
        return auth_service_pb2.ListSigningKeysResponse(
            keys=[auth_pb2.SigningKey(id=key_id, public_key=public) for key_id, public in keys]
        )
