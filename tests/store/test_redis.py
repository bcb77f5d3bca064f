"""What is asked of Redis before anything is accepted, and which addresses are understood."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import RedisError

from service.store.redis import NotDurable, check_durability, connect, connect_blocking


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_a_durable_server_is_taken(redis: Redis) -> None:
    await check_durability(redis)


@pytest.mark.parametrize(
    ("setting", "wrong", "right"),
    [
        ("appendfsync", "everysec", "always"),
        ("maxmemory-policy", "allkeys-lru", "noeviction"),
        ("appendonly", "no", "yes"),
    ],
)
async def test_a_server_that_would_lose_work_is_named_with_its_mend(
    redis: Redis, setting: str, wrong: str, right: str
) -> None:
    await redis.config_set(setting, wrong)
    try:
        with pytest.raises(NotDurable, match=f"{setting} is {wrong}, must be {right}"):
            await check_durability(redis)
    finally:
        await redis.config_set(setting, right)


async def test_a_frozen_or_missing_server_is_an_error_within_two_seconds(redis: Redis, redis_url: str) -> None:
    limits = connect(redis_url).connection_pool.connection_kwargs
    assert limits["socket_timeout"] == limits["socket_connect_timeout"] == 1.5
    await redis.client_pause(900)
    with pytest.raises(RedisError):
        await connect(redis_url, timeout_s=0.1).get("x")
    with pytest.raises(RedisError):
        await connect("redis://127.0.0.1:1", timeout_s=0.2).get("x")


async def test_sentinel_and_tls_addresses_are_understood() -> None:
    sentinel = connect("sentinel://user:p%40ss@a:26379,b:26380/primary/3")
    pool = sentinel.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "primary"
    hosts = [
        (node.connection_pool.connection_kwargs["host"], node.connection_pool.connection_kwargs["port"])
        for node in pool.sentinel_manager.sentinels
    ]
    assert hosts == [("a", 26379), ("b", 26380)]
    assert (pool.connection_kwargs["password"], pool.connection_kwargs["db"]) == ("p@ss", 3)
    with connect_blocking("sentinel://user:p%40ss@a:26379,b:26380/primary/3") as blocking:
        assert blocking.connection_pool.connection_kwargs["db"] == 3
    secure = connect("rediss://:secret@host:6380/1")
    assert secure.connection_pool.connection_class.__name__ == "SSLConnection"
