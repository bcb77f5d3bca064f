"""Connections to Redis, and the check at start that what Redis acknowledges is kept."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

import msgspec
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline as _Pipeline
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.sentinel import Sentinel as BlockingSentinel

Pipeline = _Pipeline

_T = TypeVar("_T")
_RETRY_S = 0.5
_DURABLE = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


class NotDurable(Exception):
    """Redis is not set up to keep what it acknowledges; the message names each setting and its right value."""


class DurabilityHidden(NotDurable):
    """Redis does not show its settings, as managed services do."""


class QuickRetry(Retry):
    """Tries again after a quick failure (a cut connection); a server that let a time limit pass is not asked twice."""

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[_T]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> _T:
        """Do as `Retry` does for half a second at most."""
        clock = asyncio.get_running_loop()
        began = clock.time()

        async def failed(error: Exception, *count: int) -> None:
            await fail(error, *count)
            if clock.time() - began > _RETRY_S:
                raise error

        return await super().call_with_retry(do, failed, is_retryable, with_failure_count)


def connect(url: str, *, timeout_s: float = 1.5, attempts: int = 1) -> Redis:
    """Return a client for `redis://`, `rediss://`, `unix://` or `sentinel://host:port,host:port/name[/db]`.

    A call fails after about `timeout_s`, so that an API request never hangs on Redis. Writes are
    re-sent on a lost reply, so every write in `store/` is safe to repeat.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": QuickRetry(ExponentialWithJitterBackoff(cap=0.2, base=0.02), attempts),
        "retry_on_error": [RedisConnectionError, RedisTimeoutError],
        "health_check_interval": 0,
    }
    found = _sentinel_address(url)
    if found is None:
        return Redis.from_url(url, **options)
    sentinel = Sentinel(found.nodes, 0, found.login, **options, **found.login)
    return sentinel.master_for(found.name, db=found.database)


def connect_blocking(url: str, **options: Any) -> BlockingRedis:
    """Return a synchronous client for the same addresses; RQ knows no other kind."""
    found = _sentinel_address(url)
    if found is None:
        return BlockingRedis.from_url(url, **options)
    sentinel = BlockingSentinel(found.nodes, 0, found.login, **options, **found.login)
    return sentinel.master_for(found.name, db=found.database)


class _SentinelAddress(msgspec.Struct, frozen=True, kw_only=True):
    nodes: list[tuple[str, int]]
    name: str
    database: int
    login: dict[str, Any]


def _sentinel_address(url: str) -> _SentinelAddress | None:
    parts = urlsplit(url)
    if parts.scheme != "sentinel":
        return None
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    name, _, database = parts.path.strip("/").partition("/")
    return _SentinelAddress(
        nodes=[(host.rpartition(":")[0], int(host.rpartition(":")[2])) for host in hosts.split(",")],
        name=name,
        database=int(database or 0),
        login={"username": unquote(user) or None, "password": unquote(password) or None} if credentials else {},
    )


async def check_durability(redis: Redis) -> None:
    """Raise NotDurable unless the server appends every write to disk before it answers, and never evicts."""
    try:
        found = cast("Mapping[bytes | str, bytes | str]", await redis.config_get("append*", "maxmemory-policy"))
    except ResponseError as error:
        raise DurabilityHidden(
            "Redis hides its settings, so its durability can't be checked. Set TUNEWRIGHT_REDIS_UNCHECKED=true if "
            "you know that it has appendonly yes, appendfsync always and maxmemory-policy noeviction."
        ) from error
    have = {_text(name): _text(value) for name, value in found.items()}
    wrong = [
        f"{name} is {have.get(name)}, must be {value}" for name, value in _DURABLE.items() if have.get(name) != value
    ]
    if wrong:
        raise NotDurable(
            "Redis would lose acknowledged work: " + "; ".join(wrong) + ". Set these in its configuration, "
            "or TUNEWRIGHT_REDIS_UNCHECKED=true to accept the loss."
        )


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
