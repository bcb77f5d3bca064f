"""Answers kept under an Idempotency-Key, and the claim on one while the first request is still at work."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from service.core.background import end
from service.core.errors import Conflict, IdempotencyMismatch
from service.store import keys
from service.store.redis import Pipeline

KEPT_S = 7 * 86_400
LEASE_S = 10.0
_ATTEMPTS = 5

_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end return 1"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is given again to an equal request."""

    fingerprint: str
    status: int
    body: bytes


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """`token` marks a claim; `answer` is set once there is one. `fingerprint` is None while bytes still arrive."""

    token: str | None = None
    fingerprint: str | None = None
    answer: Answer | None = None


class Claim:
    """The right to answer first under one key, for as long as it is renewed."""

    def __init__(self, redis: Redis, key: str, row: bytes) -> None:
        self._redis = redis
        self._key = key
        self._row = row

    async def confirm(self) -> None:
        """Renew the claim just before the effect. Raises Conflict if it was lost, so that nothing is done twice."""
        if not await self._redis.eval(_RENEW, 1, self._key, cast("str", self._row), str(int(LEASE_S * 1000))):
            raise _taken_over()

    async def guard(self, pipe: Pipeline) -> None:
        """Have the MULTI of `pipe` run only while the claim is ours. Raises Conflict if it was lost."""
        await pipe.watch(self._key)
        if cast("bytes | None", await pipe.get(self._key)) != self._row:
            raise _taken_over()

    def keep(self, pipe: Pipeline, answer: Answer) -> None:
        """Queue on `pipe`, in the MULTI of the effect: the answer, for seven days."""
        pipe.set(self._key, msgspec.msgpack.encode(_Row(answer=answer)), ex=KEPT_S)

    async def release(self) -> None:
        """Give the key free again, unless an answer was kept."""
        await self._redis.eval(_RELEASE, 1, self._key, cast("str", self._row))

    @asynccontextmanager
    async def renewed(self) -> AsyncGenerator[None]:
        """Keep the claim alive while the context lasts."""
        task = asyncio.create_task(self._renew_for_ever())
        try:
            yield
        finally:
            await end(task)

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            with contextlib.suppress(RedisError, Conflict):  # the last `confirm` decides
                await self.confirm()


class IdempotencyStore:
    """Claims keys; `digest` is made of the caller, the route and the client's key."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, digest: str, fingerprint: str | None) -> Claim | Answer:
        """Return the claim, or the answer that was kept.

        Raises Conflict while another request holds the key. `fingerprint` is None where the body was not read yet.
        """
        key = keys.idempotency(digest)
        token = secrets.token_hex(8)
        row = msgspec.msgpack.encode(_Row(token=token, fingerprint=fingerprint))
        for _ in range(_ATTEMPTS):
            if await self._redis.set(key, row, nx=True, px=int(LEASE_S * 1000)):
                return Claim(self._redis, key, row)
            raw = cast("bytes | None", await self._redis.get(key))
            if raw is None:  # a lease that just ended
                continue
            if raw == row:  # our own, whose reply was lost
                return Claim(self._redis, key, row)
            found = msgspec.msgpack.decode(raw, type=_Row)
            if found.answer is not None:
                return found.answer
            if found.fingerprint is not None and fingerprint is not None:
                check_equal(found.fingerprint, fingerprint)
            raise _busy()
        raise _busy()


def check_equal(first: str, second: str) -> None:
    """Raise IdempotencyMismatch if two requests under one key have different fingerprints."""
    if first != second:
        raise IdempotencyMismatch(
            "This Idempotency-Key was used with another request; take a new key for a new request."
        )


def _taken_over() -> Conflict:
    return Conflict("Another request with this Idempotency-Key took over; ask again for its answer.")


def _busy() -> Conflict:
    return Conflict(
        "A request with this Idempotency-Key is still in progress; ask again for its answer.",
        code="idempotency_in_progress",
        retry_after_s=1,
    )
