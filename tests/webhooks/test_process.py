"""The role as a process: `python -m workers deliver`, killed in the middle."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from service.store.webhook_scripts import CAP
from service.store.webhooks import WebhookStore
from tests.webhooks.conftest import endpoint, message, send
from tests.webhooks.receiver import FaultyReceiver


def _start(redis_url: str, folder: Path) -> subprocess.Popen[bytes]:
    environ = {**os.environ, "TUNEWRIGHT_REDIS_URL": redis_url, "TUNEWRIGHT_DATA_DIR": str(folder)}
    return subprocess.Popen([sys.executable, "-m", "workers", "deliver"], env=environ)


@pytest.mark.slow
async def test_w2_a_kill_loses_no_message(
    store: WebhookStore, redis: Redis, redis_url: str, receiver: FaultyReceiver, tmp_path: Path
) -> None:
    for number in range(4):
        await store.create(endpoint(receiver.url(f"/slow/{number}")), float(number))
    messages = [message() for _ in range(60)]
    await send(redis, *messages)
    process = _start(redis_url, tmp_path)
    async with asyncio.timeout(20), receiver.arrived:
        await receiver.arrived.wait_for(lambda: len(receiver.ledger) >= 60)
    process.kill()
    await asyncio.to_thread(process.wait)
    process = _start(redis_url, tmp_path)
    wanted = {one.id for one in messages}
    async with asyncio.timeout(60), receiver.arrived:
        await receiver.arrived.wait_for(
            lambda: all({got.headers["webhook-id"] for got in receiver.at(f"/slow/{n}")} == wanted for n in range(4))
        )
    process.terminate()
    assert await asyncio.to_thread(process.wait, 10) == 0
    assert len(receiver.ledger) <= 4 * (60 + CAP), "sent again only what the kill left unclear"
