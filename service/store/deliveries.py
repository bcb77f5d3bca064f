"""The queue of deliveries: leases, one lane for each receiver, and what is kept of every try.

`tw:due:webhooks` holds messages to fan out and *owners* (receivers) with work. An owner's deliveries wait in its lane,
a sorted set by due time; those being tried sit in its busy set, scored by the end of their lease. An owner whose cap
is reached, or that is held back, is not due, so that a thousand receivers that hang cost nothing and delay nobody.
All times are Redis's own clock. Every script is safe to repeat.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar, cast

import msgspec
from redis.asyncio import Redis

from service.core.errors import InvalidRequest
from service.core.webhooks import Verdict, WebhookDelivery, WebhookMessage
from service.store import webhook_keys as keys
from service.store import webhook_scripts as scripts
from service.store.counters import ATTEMPT_BUCKETS, DELAY_BUCKETS, count, observe
from service.store.redis import Pipeline

_ROWS_A_SCRIPT = 200

T = TypeVar("T")

_log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()
_delivery_decoder = msgspec.json.Decoder(WebhookDelivery)
_message_decoder = msgspec.json.Decoder(WebhookMessage)


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """The right to try a delivery until its lease ends. `lane` is its owner, empty for an urgent one (a test)."""

    id: str
    lane: str
    token: str


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """What was due: messages to fan out, deliveries to try; and the seconds to the next look (None: nothing waits)."""

    messages: tuple[str, ...]
    deliveries: tuple[Claim, ...]
    wait_s: float | None


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries not at their end, the age in seconds of the oldest of them, and those given up in 30 days."""

    pending: int
    oldest_age_s: float
    dead: int


class DeliveryQueue:
    """Hands out deliveries by lease and takes their outcomes in. Any number of processes may use it together."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def claim(self, *, limit: int = 256, slots: int, lease_s: float = scripts.LEASE_S) -> Claimed:
        """Look at up to `limit` due members and take at most `slots` deliveries, within each receiver's cap."""
        answer = await self._redis.eval(scripts.CLAIM, 0, str(limit), str(slots), str(lease_s))
        messages, flat, wait = cast("tuple[list[bytes], list[bytes], bytes]", answer)
        words = [word.decode() for word in flat]
        return Claimed(
            messages=tuple(message.decode() for message in messages),
            deliveries=tuple(Claim(id=i, lane=o, token=t) for i, o, t in zip(*[iter(words)] * 3, strict=True)),
            wait_s=float(wait) if wait else None,
        )

    async def fan_out(self, message: WebhookMessage, deliveries: Sequence[WebhookDelivery]) -> None:
        """Store the deliveries of a message, each once however often this runs, and finish the message."""
        chunks = [deliveries[at : at + _ROWS_A_SCRIPT] for at in range(0, len(deliveries), _ROWS_A_SCRIPT)] or [()]
        for number, chunk in enumerate(chunks, 1):
            rows = [part for row in chunk for part in (row.id, row.owner, _encoder.encode(row), row.status)]
            last = "last" if number == len(chunks) else "more"
            job_id = message.job_id or ""
            await self._redis.eval(scripts.FAN_OUT, 0, message.id, last, job_id, *cast("list[str]", rows))

    async def finish(self, claim: Claim, verdict: Verdict) -> float | None:
        """Store what came of a try and give the claim back; a lost lease changes nothing.

        Returns since when (Redis time) the receiver has done nothing but fail, None if it has not.
        """
        row = verdict.delivery
        status = row.status if verdict.is_tried else "abandoned"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.eval(
                scripts.FINISH,
                0,
                claim.lane,
                claim.id,
                claim.token,
                cast("str", _encoder.encode(row)),
                status,
                "" if verdict.retry_in_s is None else str(verdict.retry_in_s),
                str(verdict.hold_s),
                "1" if row.once else "0",
            )
            if verdict.is_tried:
                _count(pipe, row)
            (_, failing), *_ = cast("list[tuple[int, bytes]]", await pipe.execute())
        return float(failing) if failing else None

    async def release(self, claim: Claim, *, keep: bool = True) -> None:
        """Give a claim back untried, due at once; without `keep` (its row is gone, or at its end) drop it."""
        await self._redis.eval(scripts.RELEASE, 0, claim.lane, claim.id, claim.token, "1" if keep else "0")

    async def drop_message(self, message_id: str) -> None:
        """Stop looking at a message whose record is gone or unreadable."""
        await self._redis.zrem(keys.DUE, message_id)

    async def resend(self, rows: Sequence[WebhookDelivery]) -> int:
        """Store `rows` as new rounds, due at once, and return how many.

        Left as it is: what is just being tried, and what has lost its message.
        """
        done = 0
        for at in range(0, len(rows), _ROWS_A_SCRIPT):
            async with self._redis.pipeline(transaction=False) as pipe:
                for row in rows[at : at + _ROWS_A_SCRIPT]:
                    args = (row.owner, row.id, cast("str", _encoder.encode(row)), keys.message(row.message_id))
                    pipe.eval(scripts.RESEND, 0, *args)
                done += sum(cast("list[int]", await pipe.execute()))
        return done

    async def between(self, owner: str, since: float, until: float) -> AsyncIterator[list[WebhookDelivery]]:
        """Yield an owner's deliveries made in that time (Unix seconds), oldest first, some hundred at a time."""
        found = cast("list[bytes]", await self._redis.zrangebyscore(keys.log(owner), since, until))
        for at in range(0, len(found), _ROWS_A_SCRIPT):
            rows = await self.load([delivery_id.decode() for delivery_id in found[at : at + _ROWS_A_SCRIPT]])
            yield list(rows.values())

    async def load(self, delivery_ids: Sequence[str]) -> dict[str, WebhookDelivery]:
        """Return the rows that exist and can be read."""
        raws = await self._many([keys.delivery(delivery_id) for delivery_id in delivery_ids])
        return {row.id: row for row in (_decoded(_delivery_decoder, raw) for raw in raws) if row is not None}

    async def is_kept(self, delivery_id: str) -> bool:
        """Tell whether there is a row, be it one that can't be read here."""
        return bool(await self._redis.exists(keys.delivery(delivery_id)))

    async def messages(self, message_ids: Sequence[str]) -> dict[str, WebhookMessage]:
        """Return the messages that exist and can be read."""
        raws = await self._many([keys.message(message_id) for message_id in message_ids])
        return {found.id: found for found in (_decoded(_message_decoder, raw) for raw in raws) if found is not None}

    async def page(self, owner: str, *, after: str | None, limit: int) -> tuple[list[WebhookDelivery], bool]:
        """Return up to `limit` of an owner's deliveries behind `after`, newest first, and whether there are more.

        Raises InvalidRequest for an `after` that is none of them.
        """
        return await self._page(keys.log(owner), after, limit)

    async def page_of_job(self, job_id: str, *, after: str | None, limit: int) -> tuple[list[WebhookDelivery], bool]:
        """Return a page, as `page` does, of what was sent about a job, to whomever."""
        return await self._page(keys.of_job(job_id), after, limit)

    async def _page(self, log: str, after: str | None, limit: int) -> tuple[list[WebhookDelivery], bool]:
        start = 0
        if after is not None:
            rank = cast("int | None", await self._redis.zrevrank(log, after))
            if rank is None:
                raise InvalidRequest(f"No delivery {after[:100]!r} to list after.", param="after")
            start = rank + 1
        raw = cast("list[bytes]", await self._redis.zrevrange(log, start, start + limit))
        wanted = [delivery_id.decode() for delivery_id in raw]
        rows = await self.load(wanted[:limit])
        return [rows[delivery_id] for delivery_id in wanted[:limit] if delivery_id in rows], len(wanted) > limit

    async def is_rung(self) -> bool:
        """Wait up to a second for somebody to ring for new work."""
        return await self._redis.blpop([keys.BELL], timeout=1.0) is not None

    async def backlog(self) -> Backlog:
        """Return how much is waiting."""
        seconds, microseconds = await self._redis.time()
        first = cast("list[tuple[bytes, float]]", await self._redis.zrange(keys.PENDING, 0, 0, withscores=True))
        return Backlog(
            pending=await self._redis.zcard(keys.PENDING),
            oldest_age_s=max(0.0, seconds + microseconds / 1e6 - first[0][1]) if first else 0.0,
            dead=await self._redis.zcard(keys.DEAD),
        )

    async def _many(self, names: list[str]) -> list[bytes]:
        if not names:
            return []
        return [raw for raw in cast("list[bytes | None]", await self._redis.mget(names)) if raw is not None]


def _decoded(decoder: "msgspec.json.Decoder[T]", raw: bytes) -> T | None:
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError:
        _log.exception("webhooks: a stored row can't be read")
        return None


def _count(pipe: Pipeline, row: WebhookDelivery) -> None:
    attempt = row.attempts[-1]
    status_class = f"{attempt.status_code // 100}xx" if attempt.status_code else attempt.error or "none"
    result = "succeeded" if row.status == "succeeded" else "failed"
    count(pipe, "webhook_attempts", result=result, status_class=status_class)
    observe(pipe, "webhook_attempt_duration_seconds", attempt.duration_s, ATTEMPT_BUCKETS)
    if row.status == "succeeded" and not row.once:
        delay_s = max(0.0, attempt.started_at + attempt.duration_s - row.created_at)
        observe(pipe, "webhook_delivery_delay_seconds", delay_s, DELAY_BUCKETS)
