"""The use cases of the catalogue."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.elo.catalogue import domain, facts
from services.elo.catalogue.domain import Provider, Query, VoiceModel
from services.elo.catalogue.store import Counts, Store
from services.elo.domain import FIRST_RATING, INSTALLATION, LANGUAGE
from services.runtime import ids, inbox, outbox
from services.runtime.clock import now
from services.runtime.db import Database
from services.runtime.errors import (
    AlreadyExists,
    FieldViolation,
    InvalidInput,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Unavailable,
)
from services.runtime.identity import current_identity
from services.runtime.pages import Pages
from services.runtime.request_ids import current_fingerprint
from services.runtime.validation import Validation

PROVIDER = re.compile(r"[a-z0-9_-]+")
CONSUMER = "elo"
# Archived models are kept, because results name them. A developer may have this many models per active one in all.
ARCHIVED_PER_ACTIVE = 10


class Catalogue:
    """The use cases over one database."""

    def __init__(self, database: Database, store: Store, pages: Pages, max_models: int) -> None:
        """`max_models` is the number of active models that a developer may have."""
        self._database = database
        self._store = store
        self._pages = pages
        self._max_models = max_models
        # The providers that tts announces, as last received by this process.
        self._announced: frozenset[str] = frozenset()

    async def create(self, draft: VoiceModel, request_id: str) -> VoiceModel:
        """Registers a model for the caller and returns it. `draft` needs no id or owner.

        Raises InvalidInput if the model is malformed or the provider does not support it, AlreadyExists if the caller
        has an equal model, and QuotaExceeded if the caller has reached the limit of models.
        """
        valid = Validation()
        _check(draft, valid)
        valid.request_id(request_id)
        valid.finish()
        moment = now()
        model = dataclasses.replace(
            draft,
            id=ids.new_id("mdl"),
            developer_id=current_identity().developer_id,
            rating=FIRST_RATING,
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
            self._check_quota(counts)
            if await self._store.add(connection, model, request_id, current_fingerprint()):
                await outbox.add(connection, facts.voice_model_registered(model))
                return model
        # The same request may have been processed at the same time.
        async with self._database.reading() as connection:
            if request_id and (before := await self._store.find_request(connection, model.developer_id, request_id)):
                return before.repeated()
        raise AlreadyExists("You have already registered this provider, voice, model and version", field="config")

    async def page(
        self, provider: str, active_only: bool, registered_by_me: bool, size: int, token: str
    ) -> tuple[Sequence[VoiceModel], str]:
        """Returns a page of the catalogue, and the token of the next page. The token is empty on the last page."""
        valid = Validation()
        valid.text(provider, "provider", max_characters=domain.MAX_PROVIDER_CHARACTERS, min_characters=0)
        valid.finish()
        developer_id = current_identity().developer_id if registered_by_me else ""
        async with self._database.reading() as connection:
            return await self._pages.page(
                size,
                token,
                {"list": "models", "provider": provider, "active": active_only, "developer": developer_id},
                lambda after, limit: self._store.page(
                    connection,
                    provider=provider,
                    active_only=active_only,
                    developer_id=developer_id,
                    after=after[0] if after else 0,
                    limit=limit,
                ),
                lambda model: (model.seq,),
            )

    async def get(self, model_id: str) -> VoiceModel:
        """Returns a model. Raises NotFound if it does not exist."""
        ids.check_id(model_id, "mdl")
        async with self._database.reading() as connection:
            model = await self._store.get(connection, model_id)
        if model is None:
            raise NotFound.of("voice model", model_id)
        return model

    async def update(self, changed: VoiceModel, mask: Sequence[str]) -> VoiceModel:
        """Changes the fields that the mask names.

        Raises PermissionDenied unless the caller registered the model.
        """
        ids.check_id(changed.id, "mdl")
        unknown = [path for path in mask if path not in domain.UPDATABLE]
        if unknown or not mask:
            names = ", ".join(domain.UPDATABLE)
            raise InvalidInput.of(FieldViolation("update_mask", f"must have one or more of these paths: {names}"))
        attributes = {a: getattr(changed, a) for path in mask for a in domain.UPDATABLE[path]}
        async with self._database.transaction() as connection:
            model = await self._store.get(connection, changed.id, lock=True)
            if model is None:
                raise NotFound.of("voice model", changed.id)
            if model.developer_id != current_identity().developer_id:
                raise PermissionDenied("Only the developer who registered a voice model can change it")
            was_active = model.active
            model = dataclasses.replace(model, **attributes, updated_at=now())
            valid = Validation()
            _check(model, valid)
            valid.finish()
            if any(path.startswith("config") for path in mask):
                await self._check_with_provider(connection, model)
            if model.active and not was_active:
                self._check_active(await self._store.count(connection, model.developer_id))
            if not await self._store.update(connection, model):
                raise AlreadyExists("You have already registered this provider, voice, model and version")
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

    async def record_provider(
        self, event_id: str, provider: Provider, drafts: Sequence[VoiceModel], announced_providers: Sequence[str]
    ) -> None:
        """Stores a report about a provider, and adds its new voices to the catalogue as models of the installation.

        `announced_providers` are the ids of all providers that tts announces. The catalogue is complete once it has a
        report about each of them.
        """
        moment = now()
        self._announced = frozenset(announced_providers)
        async with self._database.transaction() as connection:
            if not await inbox.first_time(connection, CONSUMER, event_id):
                return
            await self._store.record_provider(connection, provider)
            await self._store.record_voices(
                connection, provider.id, {draft.voice_id: draft.voice_language for draft in drafts}
            )
            for draft in drafts:
                model = dataclasses.replace(
                    draft,
                    id=ids.new_id("mdl"),
                    developer_id=INSTALLATION,
                    rating=FIRST_RATING,
                    active=True,
                    created_at=moment,
                    updated_at=moment,
                )
                if await self._store.add(connection, model, ""):
                    await outbox.add(connection, facts.voice_model_registered(model))

    async def check_complete(self) -> None:
        """Raises Unavailable until the catalogue has a report about each provider that tts announces."""
        async with self._database.reading() as connection:
            known = {provider.id for provider in await self._store.providers(connection)}
        if not known or not self._announced.issubset(known):
            raise Unavailable("The catalogue is incomplete: tts has not announced all its voices yet")

    def _check_quota(self, counts: Counts) -> None:
        """Raises QuotaExceeded if the developer may not register another model."""
        self._check_active(counts)
        limit = self._max_models * ARCHIVED_PER_ACTIVE
        if counts.registered >= limit:
            raise QuotaExceeded(
                f"You have registered {counts.registered} voice models, including archived ones, "
                f"and the limit is {limit}",
                limit=str(limit),
            )

    def _check_active(self, counts: Counts) -> None:
        """Raises QuotaExceeded if the developer may not have another active model."""
        if counts.active >= self._max_models:
            raise QuotaExceeded(
                f"You have {counts.active} active voice models, and the limit is {self._max_models}. "
                "Set `active` of one of them to false first.",
                limit=str(self._max_models),
            )

    async def _check_with_provider(self, connection: AsyncConnection, model: VoiceModel) -> None:
        """Raises InvalidInput unless the provider can be used, has the voice, and accepts the parameters."""
        providers = {provider.id: provider for provider in await self._store.providers(connection)}
        if error := _provider_error(model.provider, providers, "in use"):
            raise InvalidInput.of(FieldViolation("provider", error))
        valid = Validation()
        where = f"GET /api/v1/voices?provider={model.provider} lists them"
        known = await self._store.knows_voice(connection, model.provider, model.voice_id)
        valid.require(known, "config.voice_id", f"must be a voice of {model.provider}; {where}")
        for name, error in providers[model.provider].parameter_errors(model).items():
            valid.require(False, f"config.parameters.{name}", error)
        valid.finish()


def _provider_error(provider_id: str, providers: Mapping[str, Provider], where: str) -> str:
    """Returns why a provider can't be used. Empty if it can."""
    if provider_id in providers:
        return providers[provider_id].error()
    return f"must be a provider {where}: {', '.join(p.id for p in providers.values() if not p.error())}"


def _check(model: VoiceModel, valid: Validation) -> None:
    valid.text(model.name, "name", max_characters=domain.MAX_NAME_CHARACTERS)
    if valid.text(model.provider, "provider", max_characters=domain.MAX_PROVIDER_CHARACTERS):
        valid.require(bool(PROVIDER.fullmatch(model.provider)), "provider", "must contain only a-z, 0-9, _ and -")
    valid.text(model.version, "version", max_characters=domain.MAX_VERSION_CHARACTERS, min_characters=0)
    valid.text(model.voice_id, "config.voice_id", max_characters=domain.MAX_VOICE_CHARACTERS)
    valid.text(model.model_id, "config.model_id", max_characters=domain.MAX_MODEL_CHARACTERS, min_characters=0)
    valid.require(
        model.speed is None or domain.MIN_SPEED <= model.speed <= domain.MAX_SPEED,
        "config.parameters.speed",
        f"must be {domain.MIN_SPEED} to {domain.MAX_SPEED}",
    )
    valid.require(
        model.language is None or bool(LANGUAGE.fullmatch(model.language)),
        "config.parameters.language",
        "must be a BCP 47 tag of 2 to 35 characters, such as en or pt-BR",
    )
    valid.require(
        model.seed is None or 0 <= model.seed <= domain.MAX_SEED,
        "config.parameters.seed",
        f"must be 0 to {domain.MAX_SEED}",
    )
