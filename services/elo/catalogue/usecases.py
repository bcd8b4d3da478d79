"""The use cases of the catalogue."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue import domain, facts
from services.elo.catalogue.domain import Provider, Query, VoiceModel
from services.elo.catalogue.store import Filters, Store
from services.elo.catalogue.validation import check_model
from services.elo.domain import INSTALLATION, ModelKind, Visibility
from services.elo.quota import Quota
from services.elo.visibility import Approval, is_visible
from services.runtime import ids, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import (
    AlreadyExists,
    FieldViolation,
    InvalidInput,
    NotFound,
    PermissionDenied,
    WrongState,
)
from services.runtime.identity import current_identity, current_reader
from services.runtime.pages import Pages
from services.runtime.request_ids import current_fingerprint
from services.runtime.validation import Validation

_EQUAL = {
    ModelKind.TTS: "You have already registered this provider, voice, model and version",
    ModelKind.RECORDED: "You have already registered a recorded model with this name and version",
}


class Catalogue:
    """The use cases over one database."""

    def __init__(
        self,
        database: Database,
        store: Store,
        pages: Pages,
        max_models: int,
        approval: Approval,
        arena_providers: Collection[str] = (),
    ) -> None:
        """`max_models` is the number of active models that a developer may have.

        `arena_providers` are the providers that take part in the arena although they are not local.
        """
        self._database = database
        self._store = store
        self._pages = pages
        self._quota = Quota("voice models", max_models, "Set `active` of one of them to false first.")
        self._approval = approval
        self._arena_providers = arena_providers

    async def create(self, draft: VoiceModel, request_id: str) -> VoiceModel:
        """Registers a model for the caller and returns it. `draft` needs no id or owner.

        Raises InvalidInput if the model is malformed or the provider does not support it, AlreadyExists if the caller
        has an equal model, and QuotaExceeded if the caller has reached the limit of models.
        """
        valid = Validation()
        check_model(draft, valid)
        valid.request_id(request_id)
        valid.finish()
        moment = now()
        model = dataclasses.replace(
            draft,
            id=ids.new_id("mdl"),
            developer_id=current_identity().developer_id,
            active=True,
            created_at=moment,
            updated_at=moment,
        )
        async with self._database.transaction() as connection:
            # Counting comes first, because it locks out other requests of the same developer.
            counts = await self._store.count(connection, model.developer_id)
            if request_id and (before := await self._store.find_request(connection, model.developer_id, request_id)):
                return before.repeated()
            await self._check_with_provider(connection, model)
            self._quota.check(counts)
            if await self._store.add(connection, model, request_id, current_fingerprint()):
                model = await self._stored(connection, model.id)
                await outbox.add(
                    connection, facts.voice_model_registered(model, awaits_approval=self._approval.awaited_by(model))
                )
                return model
        # The same request may have been processed at the same time.
        async with self._database.reading() as connection:
            if request_id and (before := await self._store.find_request(connection, model.developer_id, request_id)):
                return before.repeated()
        raise AlreadyExists(_EQUAL[model.kind], field="name" if model.kind is ModelKind.RECORDED else "config")

    async def page(self, filters: Filters, size: int, token: str) -> tuple[Sequence[VoiceModel], str]:
        """Returns a page of the catalogue, and the token of the next page. The token is empty on the last page."""
        valid = Validation()
        valid.text(filters.provider, "provider", max_characters=domain.MAX_PROVIDER_CHARACTERS, min_characters=0)
        valid.finish()
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "models", **dataclasses.asdict(filters)},
                lambda after, limit: self._store.page(
                    connection, filters, self._approval, after=after[0] if after else 0, limit=limit
                ),
                lambda model: (model.seq,),
            )

    async def get(self, model_id: str) -> VoiceModel:
        """Returns a model. Raises NotFound if it does not exist or is private to another developer."""
        ids.check_id(model_id, "mdl")
        async with self._database.reading() as connection:
            return await self._stored(connection, model_id)

    async def update(self, changed: VoiceModel, mask: Sequence[str]) -> VoiceModel:
        """Changes the fields that the mask names.

        Raises PermissionDenied unless the caller registered the model, and WrongState if a battle forbids the change.
        """
        ids.check_id(changed.id, "mdl")
        unknown = [path for path in mask if path not in domain.UPDATABLE]
        if unknown or not mask:
            names = ", ".join(domain.UPDATABLE)
            raise InvalidInput.of(FieldViolation("update_mask", f"must have one or more of these paths: {names}"))
        attributes = {a: getattr(changed, a) for path in mask for a in domain.UPDATABLE[path]}
        async with self._database.transaction() as connection:
            before = await self._stored(connection, changed.id, lock=True)
            if before.developer_id != current_identity().developer_id:
                raise PermissionDenied("Only the developer who registered a voice model can change it")
            with_config = any(path.startswith("config") for path in mask)
            if with_config and before.kind is ModelKind.RECORDED:
                raise InvalidInput.of(FieldViolation("update_mask", "must not name config: a recorded model has none"))
            model = domain.changed(before, attributes, now())
            valid = Validation()
            check_model(model, valid)
            valid.finish()
            if with_config or "arena" in mask:
                await self._check_with_provider(connection, model)
            if model.active and not before.active:
                self._quota.check_active(await self._store.count(connection, model.developer_id))
            if not await self._store.update(connection, model):
                raise AlreadyExists(_EQUAL[model.kind])
            return await self._stored(connection, model.id)

    async def approve(self, model_id: str) -> VoiceModel:
        """Lets public battles use a public model. Raises PermissionDenied unless the caller is an operator."""
        ids.check_id(model_id, "mdl")
        self._approval.check_operator(current_identity().developer_id)
        async with self._database.transaction() as connection:
            model = await self._stored(connection, model_id, lock=True)
            if model.visibility is Visibility.PRIVATE:
                raise WrongState("A private voice model needs no approval, because public battles do not use it")
            if model.developer_id == INSTALLATION or model.approved_at is not None:
                return model
            model = dataclasses.replace(model, approved_at=now())
            await self._store.update(connection, model)
        return model

    async def resolve(self, queries: Sequence[Query]) -> Sequence[tuple[VoiceModel, int]]:
        """Returns for each query the model, and the length in characters of the longest text that it accepts.

        The length is 0 if unknown. Raises InvalidInput for all queries without a usable model.
        """
        valid = Validation()
        valid.require(
            len(queries) <= domain.MAX_QUERIES,
            "queries",
            f"must have at most {domain.MAX_QUERIES} entries, got {len(queries)}",
        )
        valid.finish()
        developer_id = current_identity().developer_id
        async with self._database.reading() as connection:
            candidates = await self._store.candidates(connection, {q.provider for q in queries}, developer_id)
            found = [domain.resolve(q, candidates, developer_id) for q in queries]
            providers = {p.id: p for p in await self._store.providers(connection)}
        for index, (query, model) in enumerate(zip(queries, found, strict=True)):
            if error := _provider_error(query.provider, providers, "in the catalogue"):
                valid.require(False, f"models[{index}].provider", error)
            elif model is not None:
                continue
            elif any(m.provider == query.provider for m in candidates):
                some = ", ".join(dict.fromkeys(m.voice_id for m in candidates if m.provider == query.provider))
                valid.require(
                    False,
                    f"models[{index}].voice_id",
                    f"must be a voice of {query.provider} in the catalogue (GET /api/v1/models?provider="
                    f"{query.provider}): {some[:300]}{'...' if len(some) > 300 else ''}",
                )
            else:
                valid.require(False, f"models[{index}].provider", f"{query.provider} has no voices in the catalogue")
        valid.finish()
        return [
            (model, providers[model.provider].max_characters(model.model_id)) for model in found if model is not None
        ]

    async def _stored(self, connection: AsyncConnection, model_id: str, *, lock: bool = False) -> VoiceModel:
        """Returns a model that the caller can see. Raises NotFound otherwise."""
        model = await self._store.get(connection, model_id, lock=lock)
        if model is None or not is_visible(model, current_reader()):
            raise NotFound.of("voice model", model_id)
        return model

    async def _check_with_provider(self, connection: AsyncConnection, model: VoiceModel) -> None:
        """Raises InvalidInput unless the provider can be used, has the voice, and accepts the parameters.

        A model of the arena also needs a provider that takes part. A recorded model has no provider.
        """
        if model.kind is ModelKind.RECORDED:
            return
        providers = {provider.id: provider for provider in await self._store.providers(connection)}
        if error := _provider_error(model.provider, providers, "in use"):
            raise InvalidInput.of(FieldViolation("provider", error))
        valid = Validation()
        where = f"GET /api/v1/voices?provider={model.provider} lists them"
        known = await self._store.knows_voice(connection, model.provider, model.voice_id)
        valid.require(known, "config.voice_id", f"must be a voice of {model.provider}; {where}")
        for name, error in providers[model.provider].parameter_errors(model).items():
            valid.require(False, f"config.parameters.{name}", error)
        takes_part = providers[model.provider].local or model.provider in self._arena_providers
        valid.require(
            takes_part or not model.arena,
            "arena",
            f"must be false: {model.provider} costs money and is not in ARENA_PROVIDERS, which the operator sets",
        )
        valid.finish()


def _provider_error(provider_id: str, providers: Mapping[str, Provider], where: str) -> str:
    """Returns why a provider can't be used. Empty if it can."""
    if provider_id in providers:
        return providers[provider_id].error()
    return f"must be a provider {where}: {', '.join(p.id for p in providers.values() if not p.error())}"
