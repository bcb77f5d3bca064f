"""Fixtures of the webhook tests: a faulty receiver, stores on a private Valkey, a fast deliverer."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import openai
import pytest
import uvicorn
from redis.asyncio import Redis

from service.app import create_app
from service.core import clock, ids
from service.core.addresses import AddressPolicy
from service.core.signatures import make_secret
from service.core.webhook_types import EVENT_TYPES
from service.core.webhooks import WebhookEndpoint, WebhookMessage
from service.runtime import Runtime, open_runtime
from service.settings import Settings, load
from service.store.redis import connect
from service.store.webhooks import WebhookStore, queue_message
from service.webhook_policy import webhook_policy
from tests.webhooks.receiver import FaultyReceiver
from workers.deliver import Deliverer
from workers.webhook_client import WebhookClient

LOCAL = AddressPolicy(local=True)
TRY_S = 2.0
"""More than a busy machine stands still."""


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


async def policy() -> AddressPolicy:
    return LOCAL


@pytest.fixture
async def deliverer(store: WebhookStore) -> AsyncIterator[Deliverer]:
    """One that is stepped by hand; a try may take so long."""
    client = WebhookClient(timeout_s=TRY_S)
    yield Deliverer(store, client, policy, slots=64, draw=lambda: 0.0)
    client.close()


@pytest.fixture
def settings(redis_url: str, tmp_path: Path) -> Settings:
    return load(environ={}, redis_url=redis_url, data_dir=tmp_path)


@pytest.fixture
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    async with open_runtime(settings) as opened:
        yield opened


@pytest.fixture
async def base_url(settings: Settings) -> AsyncIterator[str]:
    """The whole API, served by uvicorn on a free port."""
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="warning", lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve([listener]))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        server.should_exit = True
        await task


@pytest.fixture
async def sdk(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="x",
        base_url=base_url,
        max_retries=0,
        http_client=httpx2.AsyncClient(trust_env=False),
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture
async def http(base_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=base_url, trust_env=False) as client:
        yield client


@pytest.fixture
async def delivering(runtime: Runtime) -> AsyncIterator[Deliverer]:
    client, stop = WebhookClient(timeout_s=1.0), asyncio.Event()
    deliverer = Deliverer(runtime.webhooks, client, lambda: webhook_policy(runtime.settings, runtime.keys))
    task = asyncio.create_task(deliverer.serve(stop))
    yield deliverer
    stop.set()
    await task
    client.close()


async def settle(deliverer: Deliverer) -> None:
    """Look until nothing is due now."""
    while await deliverer.look() == 0.0:
        await deliverer.idle()
