"""Builds the auth service and runs it."""

from services.runtime import without_terminal  # noqa: F401

# isort: split
import os
from collections.abc import Mapping

from voicearena.auth.v1 import auth_service_pb2_grpc
from voicearena.gateway.v1 import external_auth_pb2_grpc
from voicearena.mesh.v1 import mesh_service_pb2_grpc

from services.auth import consumers
from services.auth.address_counts import AddressCounts
from services.auth.gateway_authorization import GatewayAuthorization
from services.auth.inviting_keys import InvitingKeys
from services.auth.key_cache import KeyCache
from services.auth.key_uses import KeyUses
from services.auth.mesh_processes import MeshProcesses
from services.auth.mesh_servicer import MeshServicer
from services.auth.servicer import AuthServicer
from services.auth.settings import AuthSettings
from services.auth.store import SqlStore
from services.auth.tokens import CLOCK_CHECK_SECONDS, TokenIssuer
from services.auth.usecases import Auth
from services.auth.voters import VoterCache, Voters, VoterTokens
from services.runtime import event_loop
from services.runtime.bus import Bus
from services.runtime.client_address import AddressHash
from services.runtime.db import Database
from services.runtime.identity import TokenVerifier
from services.runtime.mesh import stubs
from services.runtime.outbox import OutboxRelay
from services.runtime.pages import Pages
from services.runtime.periodic import periodic
from services.runtime.server import Service
from services.runtime.settings import load_settings


async def main() -> None:
    """Runs the auth service until it is stopped."""
    settings = load_settings(AuthSettings)
    store = SqlStore()

    async def own_keys() -> Mapping[str, bytes]:
        return dict(await auth.signing_keys())

    async with Service("auth", settings, TokenVerifier(own_keys)) as service:
        database = await service.enter("database", Database.of_service("auth", settings, __file__))
        bus = await service.enter("bus", Bus.connect(settings.nats_url, "auth"))
        secret = settings.audio_url_secret.get_secret_value()
        registrations = AddressCounts(
            store,
            AddressHash(secret, "registrations"),
            "registrations",
            settings.max_registrations_per_address,
        )
        issuer = TokenIssuer(database, store)
        await issuer.announce()
        uses = KeyUses(database, store)
        cache = KeyCache(database, store, issuer, uses)
        auth = Auth(database, store, Pages(secret), secret, registrations, cache.forget_unknown)
        voter_addresses = AddressHash(secret, "voter sessions")
        voter_tokens, inviting = VoterTokens(secret), InvitingKeys(database, store)
        voter_counts = AddressCounts(store, voter_addresses, "voter sessions", settings.max_voters_per_address)
        service.add_servicer(
            auth_service_pb2_grpc.add_AuthServiceServicer_to_server,
            AuthServicer(auth, Voters(database, store, voter_tokens, voter_counts)),
        )
        service.add_servicer(
            mesh_service_pb2_grpc.add_MeshServiceServicer_to_server,
            MeshServicer(await service.enter("mesh", MeshProcesses(settings.addresses()))),
        )
        service.add_unlisted(
            external_auth_pb2_grpc.add_AuthorizationServicer_to_server,
            GatewayAuthorization(cache, VoterCache(voter_tokens, inviting, issuer, voter_addresses)),
        )
        # The gateway sends reflection requests to auth, so auth lists the services of the whole mesh.
        for module in stubs("_service_pb2"):
            service.reflect(*(each.full_name for each in module.DESCRIPTOR.services_by_name.values()))
        relay = OutboxRelay(database, bus)
        service.background("outbox", relay.run, relay.check)
        service.background("signing key", lambda: periodic(issuer.prolong, CLOCK_CHECK_SECONDS))
        service.background("key uses", uses.keep_writing)
        service.background(
            "events",
            lambda: bus.consume(
                consumers.handlers(cache, inviting), max_in_flight=1, broadcast=f"{os.getpid()}_{issuer.key_id}"
            ),
        )
        await service.run()


if __name__ == "__main__":
    event_loop.run(main())
