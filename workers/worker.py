"""A worker process: RQ's loop in the main thread, where its signal handling belongs; steps on a loop beside it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

from redis import Redis as BlockingRedis
from rq import Queue
from rq.worker import SimpleWorker

from service.check.vocab import check_shipped
from service.runtime import open_runtime
from service.settings import ConfigurationError, Settings
from service.store.redis import connect_blocking
from workers import tasks
from workers.context import Context
from workers.heartbeat import beating
from workers.look import LEASE_S, Looker
from workers.providers.registry import Providers
from workers.steps import STEPS

_TTL_S = 30
_T = TypeVar("_T")


def main(settings: Settings, *, lease_s: float = LEASE_S) -> int:
    """Work until SIGTERM or SIGINT; a step in hand is finished first, a second signal drops it.

    Raises ConfigurationError without a Redis, VocabularyDamaged where no tokens could be counted.
    RQ also ends by itself when Redis goes away under it; the supervisor starts a new worker.
    """
    if settings.redis_url is None:
        raise ConfigurationError("No Redis: start with `tunewright up`, or set TUNEWRIGHT_REDIS_URL.")
    check_shipped()
    with _event_loop() as loop, connect_blocking(settings.redis_url) as connection:
        stack = AsyncExitStack()
        looker = _wait(loop, _open(settings, stack, lease_s))
        try:
            tasks.bind(lambda member: _wait(loop, looker.look(member)))
            _rq_worker(connection, lambda: _start(loop, looker.excuse())).work(logging_level="WARNING")
        finally:
            _wait(loop, stack.aclose())
    return 0


async def _open(settings: Settings, stack: AsyncExitStack, lease_s: float) -> Looker:
    runtime = await stack.enter_async_context(open_runtime(settings))
    await stack.enter_async_context(beating(runtime, "worker"))
    providers = Providers(settings, runtime.redis)
    stack.push_async_callback(providers.aclose)
    return Looker(Context(runtime=runtime, providers=providers), STEPS, lease_s=lease_s)


class PromptWorker(SimpleWorker):
    """RQ's worker, which after a long outage of Redis would sleep for up to a minute more while work is due."""

    max_connection_wait_time = 2.0
    on_stop: Callable[[], object]

    def handle_warm_shutdown_request(self) -> None:
        """Called by RQ at the first SIGTERM or SIGINT: what is in hand is finished, if time is given."""
        self.on_stop()


def _rq_worker(connection: BlockingRedis, on_stop: Callable[[], object]) -> PromptWorker:
    queue = Queue(tasks.QUEUE, connection=connection, serializer=tasks.SERIALIZER, job_class=tasks.LookMessage)
    worker = PromptWorker(
        [queue],
        connection=connection,
        serializer=tasks.SERIALIZER,
        job_class=tasks.LookMessage,
        worker_ttl=_TTL_S,
        maintenance_interval=_TTL_S,
        log_job_description=False,
    )
    worker.on_stop = on_stop
    return worker


@contextmanager
def _event_loop() -> Generator[asyncio.AbstractEventLoop]:
    """Run an event loop in a thread; one loop for the process's life keeps connections and SDK clients."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="steps", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def _wait(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> _T:
    return _start(loop, work).result()


def _start(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, _T]) -> "Future[_T]":
    return asyncio.run_coroutine_threadsafe(work, loop)
