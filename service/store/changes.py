"""News of changed records, so that a request can wait without a loop: one subscription a process, many waiters."""

import asyncio
import logging
from collections import defaultdict
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.core.background import end
from service.store import keys
from service.store.redis import Pipeline

_log = logging.getLogger(__name__)
_RECONNECT_S = 0.5


def announce(pipe: Pipeline, object_id: str) -> None:
    """Queue on `pipe`: tell waiters that `object_id` changed. News may be lost; waiters read the record again."""
    pipe.publish(keys.CHANGED, object_id)


class Changes:
    """Waits for changes of records."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiters: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listener: asyncio.Task[None] | None = None

    async def wait(self, object_id: str, timeout_s: float) -> bool:
        """Return True at the next change of `object_id`, False after `timeout_s`; may also wake without a cause."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        event = asyncio.Event()
        self._waiters[object_id].add(event)
        try:
            await asyncio.wait_for(event.wait(), min(timeout_s, 1.0))
        except TimeoutError:
            return False
        else:
            return True
        finally:
            self._waiters[object_id].discard(event)
            if not self._waiters[object_id]:
                del self._waiters[object_id]

    async def aclose(self) -> None:
        """End the subscription."""
        if self._listener is not None:
            await end(self._listener)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(keys.CHANGED)
                    while True:
                        message = cast(
                            "dict[str, Any] | None",
                            await subscription.get_message(ignore_subscribe_messages=True, timeout=1.0),
                        )
                        if message is not None:
                            self._wake(message["data"])
            except RedisError as error:
                _log.warning("changes: %s; subscribing again", type(error).__name__)
                await asyncio.sleep(_RECONNECT_S)

    def _wake(self, object_id: bytes) -> None:
        for event in self._waiters.get(object_id.decode(), ()):
            event.set()
