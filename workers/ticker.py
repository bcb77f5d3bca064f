"""The only maker of RQ messages: takes what is due and rings a worker for it. Any number of tickers may run."""

import asyncio
import logging

from redis import Redis as BlockingRedis
from redis.exceptions import RedisError
from rq import Queue

from service.core import clock
from service.runtime import Runtime, open_runtime
from service.settings import Settings
from service.store import keys
from service.store.redis import connect_blocking
from workers.heartbeat import beating
from workers.tasks import ENTRY_POINT, QUEUE, SERIALIZER, LookMessage

_log = logging.getLogger(__name__)

LIST_BOUND = 20
"""RQ's list is topped up to this length and no further; what is overdue stays in the due set (reliability §1.9)."""

HOLD_S = 15.0
"""A member whose message is lost is rung again after this time."""

EVERY_S = {"collect:all": 600.0, "alarms:all": 60.0}
"""What is rung by the clock alone, and how often."""

_IDLE_S = 1.0
_FULL_S = 0.05
_DOWN_S = 0.5


async def run(settings: Settings, stop: asyncio.Event, *, hold_s: float = HOLD_S) -> None:
    """Ring until `stop` is set."""
    async with open_runtime(settings) as runtime, beating(runtime, "ticker"):
        with connect_blocking(str(settings.redis_url), socket_timeout=5) as connection:
            await serve(runtime, connection, stop, hold_s=hold_s)


async def serve(runtime: Runtime, connection: BlockingRedis, stop: asyncio.Event, *, hold_s: float = HOLD_S) -> None:
    """Ring until `stop` is set; a Redis outage is waited out."""
    queue = Queue(QUEUE, connection=connection, serializer=SERIALIZER, job_class=LookMessage)
    elapsed = asyncio.get_running_loop().time  # not the host's clock, which may jump
    next_at = dict.fromkeys(EVERY_S, elapsed())
    while not stop.is_set():
        try:
            for member in [member for member, at in next_at.items() if elapsed() >= at]:
                await runtime.due.ring(member)
                next_at[member] = elapsed() + EVERY_S[member]
            await runtime.redis.hset(keys.HEARTBEATS, "ticker", str(clock.now()))
            wait_s = await _tick(runtime, queue, hold_s)
            await _wait_for_bell(runtime, wait_s)
        except RedisError as error:
            _log.warning("ticker: %s; trying again", type(error).__name__)
            await asyncio.sleep(_DOWN_S)


async def _tick(runtime: Runtime, queue: Queue, hold_s: float) -> float:
    """Ring for what is due and return how long nothing else will be."""
    room = LIST_BOUND - await asyncio.to_thread(lambda: queue.count)
    if room <= 0:
        return _FULL_S
    members, wait_s = await runtime.due.take(room, hold_s)
    if members:
        messages = [
            Queue.prepare_data(
                ENTRY_POINT, args=(member,), timeout=-1, result_ttl=0, failure_ttl=3600, description="look"
            )
            for member in members
        ]
        await asyncio.to_thread(queue.enqueue_many, messages)
    if len(members) == room:
        return _FULL_S
    return _IDLE_S if wait_s is None else min(_IDLE_S, wait_s)


async def _wait_for_bell(runtime: Runtime, wait_s: float) -> None:
    if wait_s <= _FULL_S:
        await asyncio.sleep(wait_s)
        return
    await runtime.redis.blpop([keys.BELL], timeout=wait_s)
