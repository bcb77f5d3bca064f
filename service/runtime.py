"""Composition: everything that a process needs of settings and stores, opened once and handed on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
from redis.asyncio import Redis

from service.core.catalogue import Catalogue
from service.settings import ConfigurationError, Settings
from service.store.api_keys import ApiKeyStore
from service.store.blobs import BlobStore, open_blobs
from service.store.catalogue import CatalogueInvalid, load_catalogue
from service.store.changes import Changes
from service.store.credentials import CredentialStore
from service.store.derivations import DerivationStore
from service.store.due import DueStore
from service.store.durations import DurationStore
from service.store.events import EventStore
from service.store.files import FileStore
from service.store.freshness import Freshness
from service.store.heartbeats import HeartbeatStore
from service.store.holds import HoldStore
from service.store.jobs import JobStore
from service.store.models import ModelStore
from service.store.redis import check_durability, connect
from service.store.reports import ReportStore
from service.store.sources import SourceStore
from service.store.stages import StageStore
from service.store.trials import TrialStore
from service.store.uploads import UploadStore
from service.store.webhooks import WebhookStore


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """The stores of one process. `redis` is for what has no store of its own."""

    settings: Settings
    redis: Redis
    blobs: BlobStore
    catalogue: Catalogue
    due: DueStore
    durations: DurationStore
    freshness: Freshness
    credentials: CredentialStore
    holds: HoldStore
    stages: StageStore
    files: FileStore
    derivations: DerivationStore
    jobs: JobStore
    models: ModelStore
    reports: ReportStore
    sources: SourceStore
    trials: TrialStore
    uploads: UploadStore
    webhooks: WebhookStore
    keys: ApiKeyStore
    changes: Changes
    heartbeats: HeartbeatStore


@asynccontextmanager
async def open_runtime(settings: Settings) -> AsyncGenerator[Runtime]:
    """Open the stores that `settings` name.

    Raises ConfigurationError without a Redis address or with models that can't be read, NotDurable where Redis would
    lose acknowledged work.
    """
    if settings.redis_url is None:
        raise ConfigurationError("No Redis: start with `tunewright up`, or set TUNEWRIGHT_REDIS_URL.")
    redis = connect(settings.redis_url)
    runtime = await _runtime(settings, redis)
    try:
        if not settings.redis_unchecked:
            await check_durability(redis)
        yield runtime
    finally:
        await runtime.changes.aclose()
        await redis.aclose()


def catalogue_of(settings: Settings) -> Catalogue:
    """Return the models as the settings have them. Raises ConfigurationError, naming the file or table at fault."""
    try:
        return load_catalogue(settings.catalogue, settings.models)
    except CatalogueInvalid as error:
        raise ConfigurationError(str(error)) from error


async def _runtime(settings: Settings, redis: Redis) -> Runtime:
    catalogue = catalogue_of(settings)
    blobs, files = await open_blobs(settings.blobs), FileStore(redis)
    return Runtime(
        settings=settings,
        redis=redis,
        blobs=blobs,
        catalogue=catalogue,
        due=DueStore(redis),
        durations=DurationStore(redis),
        freshness=Freshness(redis),
        credentials=CredentialStore(redis),
        holds=HoldStore(redis),
        stages=StageStore(redis),
        files=files,
        derivations=DerivationStore(redis, files, blobs),
        jobs=JobStore(redis, EventStore(redis, blobs)),
        models=ModelStore(redis),
        reports=ReportStore(redis, blobs, catalogue.edition),
        sources=SourceStore(redis, files),
        trials=TrialStore(redis),
        uploads=UploadStore(redis),
        webhooks=WebhookStore(redis),
        keys=ApiKeyStore(redis),
        changes=Changes(redis),
        heartbeats=HeartbeatStore(redis),
    )
