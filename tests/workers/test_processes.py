"""The real worker processes: what RQ may run, how fast a ring is answered, and that a stop is clean."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis as sync_redis
from rq import Queue
from rq.serializers import JSONSerializer

from service.settings import Settings
from tests.waiting import until_async
from tests.workers.conftest import Bench, chat
from workers.tasks import QUEUE, LookMessage
from workers.ticker import LIST_BOUND

LINES = [chat(number) for number in range(12)]


@contextmanager
def processes(settings: Settings, *roles: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    environment = {
        **os.environ,
        "TUNEWRIGHT_REDIS_URL": str(settings.redis_url),
        "TUNEWRIGHT_DATA_DIR": str(settings.data_dir),
    }
    running = [subprocess.Popen([sys.executable, "-m", "workers", role], env=environment) for role in roles]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[Queue]:
    with sync_redis.Redis.from_url(redis_url) as connection:
        yield Queue(QUEUE, connection=connection, serializer=JSONSerializer)


async def test_a_ring_is_answered_and_sigterm_ends_cleanly(bench: Bench, settings: Settings) -> None:
    with processes(settings, "ticker", "worker") as running:
        record = await bench.dataset(LINES)

        async def is_checked() -> bool:
            found = await bench.runtime.files.get(record.id)
            return found is not None and found.status == "processed"

        await until_async(is_checked, "the dataset is checked")
        for process in running:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(20) for process in running] == [0, 0]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("os.system", ("touch {}",)),
        ("subprocess.check_call", (["touch", "{}"],)),
        ("workers.tasks.look", ("job:a", "job:b")),
        ("workers.tasks.bind", ("x",)),
    ],
)
async def test_a_planted_message_is_not_run(
    bench: Bench, settings: Settings, queue: Queue, tmp_path: Path, function: str, arguments: tuple[Any, ...]
) -> None:
    trace = tmp_path / "ran"
    planted = [str(each).format(trace) if isinstance(each, str) else ["touch", str(trace)] for each in arguments]
    queue.enqueue_call(function, args=planted)
    record = await bench.dataset(LINES)
    with processes(settings, "ticker", "worker"):

        async def is_checked() -> bool:
            found = await bench.runtime.files.get(record.id)
            return found is not None and found.status == "processed"

        await until_async(is_checked, "the dataset is checked")
    assert not trace.exists()


def test_callbacks_are_refused() -> None:
    message = LookMessage.create("workers.tasks.look", args=("job:a",), connection=sync_redis.Redis())
    message._success_callback_name = "os.system"
    with pytest.raises(Exception, match="not a message"):
        message.perform()


async def test_the_ticker_never_floods_the_list(bench: Bench, settings: Settings, queue: Queue) -> None:
    for number in range(3 * LIST_BOUND):
        await bench.runtime.due.ring(f"job:{number}")
    with processes(settings, "ticker"):
        await until_async(lambda: queue.count >= LIST_BOUND, "the queue is full")
        await asyncio.sleep(0.3)
        assert queue.count == LIST_BOUND


async def test_a_killed_workers_item_is_done_by_the_next(bench: Bench, settings: Settings) -> None:
    record = await bench.dataset(LINES)
    claim = await bench.runtime.due.claim(f"dataset:{record.id}", 0.5)  # as a worker that dies now
    assert claim is not None
    with processes(settings, "ticker", "worker"):

        async def is_checked() -> bool:
            found = await bench.runtime.files.get(record.id)
            return found is not None and found.status == "processed"

        await until_async(is_checked, "the dataset is checked")
