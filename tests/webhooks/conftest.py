"""Fixtures of the webhook tests: a faulty receiver, stores on a private Valkey, a fast deliverer."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from service.core import clock, ids
from service.core.addresses import WebhookPolicy
from service.core.signatures import make_secret
from service.core.webhook_types import EVENT_TYPES
from service.core.webhooks import WebhookEndpoint, WebhookMessage
from service.store.redis import connect
from service.store.webhooks import WebhookStore, queue_message
from tests.webhooks.receiver import FaultyReceiver
from workers.deliver import Deliverer
from workers.webhook_client import WebhookClient

LOCAL = WebhookPolicy(local=True)


@pytest.fixture
async def receiver() -> AsyncIterator[FaultyReceiver]:
    async with FaultyReceiver() as running:
        yield running


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> WebhookStore:
    return WebhookStore(redis)


def endpoint(url: str, *types: str, **more: object) -> WebhookEndpoint:
    now = int(clock.now())
    values = {"id": ids.make(ids.WEBHOOK_ENDPOINT), "created_at": now, "updated_at": now, "name": "n", "url": url}
    return WebhookEndpoint(**{**values, "event_types": types or EVENT_TYPES, "secret": make_secret(), **more})


def message(kind: str = "fine_tuning.job.succeeded", **more: object) -> WebhookMessage:
    data = {"id": "ftjob-1", "tunewright": {"status": "succeeded", "sequence": 3}}
    values = {"id": ids.make(ids.WEBHOOK_EVENT), "type": kind, "created_at": clock.now(), "data": data}
    return WebhookMessage(**{**values, "job_id": "ftjob-1", "sequence": 3, **more})


async def send(redis: Redis, *messages: WebhookMessage) -> None:
    async with redis.pipeline(transaction=True) as pipe:
        for one in messages:
            queue_message(pipe, one, 0.0)
        await pipe.execute()


async def policy() -> WebhookPolicy:
    return LOCAL


@pytest.fixture
async def deliverer(store: WebhookStore) -> AsyncIterator[Deliverer]:
    """One that is stepped by hand; a try may take half a second."""
    client = WebhookClient(timeout_s=0.5)
    yield Deliverer(store, client, policy, slots=64, draw=lambda: 0.0)
    client.close()


async def settle(deliverer: Deliverer) -> None:
    """Look until nothing is due now."""
    while await deliverer.look() == 0.0:
        await deliverer.idle()
