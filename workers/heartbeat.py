"""The beat of a process behind the API, so that its absence can be seen."""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from redis.exceptions import RedisError

from service.core.background import end
from service.runtime import Runtime

EVERY_S = 5.0
_log = logging.getLogger(__name__)


@asynccontextmanager
async def beating(runtime: Runtime, role: str) -> AsyncGenerator[None]:
    """Beat every five seconds while the context lasts; what Redis can't take is let go."""
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    task = asyncio.create_task(_beat_for_ever(runtime, role, name))
    try:
        yield
    finally:
        await end(task)
        with contextlib.suppress(RedisError):
            await runtime.heartbeats.leave(role, name)


async def _beat_for_ever(runtime: Runtime, role: str, name: str) -> None:
    while True:
        try:
            await runtime.heartbeats.beat(role, name)
        except RedisError as error:
            _log.debug("heartbeat: %s", type(error).__name__)
        await asyncio.sleep(EVERY_S)
