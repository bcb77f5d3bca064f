"""Answers kept under an Idempotency-Key, and the claim on one while the first request is still at work."""

import secrets
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.errors import Conflict, IdempotencyMismatch
from service.store import keys
from service.store.leases import Lease
from service.store.redis import Pipeline

KEPT_S = 7 * 86_400
_ATTEMPTS = 5


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


class Claim(Lease):
    """The right to answer first under one key, for as long as it is renewed."""

    def __init__(self, redis: Redis, key: str, row: bytes) -> None:
        super().__init__(
            redis, key, row, lost="Another request with this Idempotency-Key took over; ask again for its answer."
        )

    def keep(self, pipe: Pipeline, answer: Answer) -> None:
        """Queue on `pipe`, in the MULTI of the effect: the answer, for seven days."""
        pipe.set(self._key, msgspec.msgpack.encode(_Row(answer=answer)), ex=KEPT_S)


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
            claim = Claim(self._redis, key, row)
            if await claim.take():
                return claim
            raw = cast("bytes | None", await self._redis.get(key))
            if raw is None:  # a lease that just ended
                continue
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


def _busy() -> Conflict:
    return Conflict(
        "A request with this Idempotency-Key is still in progress; ask again for its answer.",
        code="idempotency_in_progress",
        retry_after_s=1,
    )
