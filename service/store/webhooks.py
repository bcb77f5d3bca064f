"""Webhook endpoints, messages and the service's own signing secret in Redis."""

import logging
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from service.core import ids
from service.core.errors import Conflict, InvalidRequest, NotFound
from service.core.signatures import make_secret
from service.core.webhook_types import ENDPOINT_DISABLED
from service.core.webhooks import WebhookEndpoint, WebhookMessage, delivery_to
from service.store import webhook_keys as keys
from service.store.deliveries import DeliveryQueue
from service.store.redis import Pipeline
from service.store.webhook_scripts import KEPT_S, MESSAGE_KEPT_S

Also = Callable[[Pipeline], None]
Guard = Callable[[Pipeline], Awaitable[None]]

_ATTEMPTS = 10
_BELL_LENGTH = 16
_log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(WebhookEndpoint)


def queue_message(pipe: Pipeline, message: WebhookMessage, at: float = 0.0) -> None:
    """Queue on `pipe`: send `message` to all who want it, first at `at` by Redis's clock (0 is now). Safe to repeat."""
    pipe.set(keys.message(message.id), msgspec.json.encode(message), ex=MESSAGE_KEPT_S)
    pipe.zadd(keys.DUE, {message.id: at})
    pipe.rpush(keys.BELL, "1")
    pipe.ltrim(keys.BELL, 0, _BELL_LENGTH - 1)


class WebhookStore:
    """Reads and changes endpoints; `deliveries` is the queue of what is sent to them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.deliveries = DeliveryQueue(redis)

    async def create(
        self, endpoint: WebhookEndpoint, at: float, also: Also | None = None, guard: Guard | None = None
    ) -> None:
        """Store an endpoint made at `at`, which orders the list, and in the same MULTI what `also` queues.

        `guard` watches and checks what the MULTI stands on, and raises if it is not so. A write whose reply was lost
        is not written twice. Raises Conflict after ten tries.
        """
        key = keys.endpoint(endpoint.id)
        async with self._redis.pipeline(transaction=True) as pipe:
            for _ in range(_ATTEMPTS):
                try:
                    await pipe.watch(key)
                    if await pipe.exists(key):
                        return
                    if guard is not None:
                        await guard(pipe)
                    pipe.multi()
                    pipe.set(key, msgspec.json.encode(endpoint))
                    pipe.zadd(keys.ENDPOINTS, {endpoint.id: at})
                    pipe.incr(keys.ENDPOINTS_VERSION)
                    if also is not None:
                        also(pipe)
                    await pipe.execute()
                except WatchError:  # the guarded key was renewed, or the connection broke: look
                    continue
                return
        raise Conflict("The webhook endpoint could not be written; try again.")

    async def get(self, endpoint_id: str) -> WebhookEndpoint:
        """Return an endpoint; raises NotFound."""
        raw = cast("bytes | None", await self._redis.get(keys.endpoint(endpoint_id)))
        if raw is None:
            raise _unknown(endpoint_id)
        return _decoder.decode(raw)

    async def page(self, *, after: str | None, limit: int) -> tuple[list[WebhookEndpoint], bool]:
        """Return up to `limit` endpoints behind `after`, newest first, and whether there are more.

        Raises InvalidRequest for an `after` that is none of them.
        """
        start = 0
        if after is not None:
            rank = cast("int | None", await self._redis.zrevrank(keys.ENDPOINTS, after))
            if rank is None:
                raise InvalidRequest(f"No webhook endpoint {after[:100]!r} to list after.", param="after")
            start = rank + 1
        raw = cast("list[bytes]", await self._redis.zrevrange(keys.ENDPOINTS, start, start + limit))
        return await self._load(raw[:limit]), len(raw) > limit

    async def version(self) -> int:
        """Return a number that changes whenever an endpoint does."""
        return int(cast("bytes | None", await self._redis.get(keys.ENDPOINTS_VERSION)) or 0)

    async def all(self) -> list[WebhookEndpoint]:
        """Return every endpoint, oldest first."""
        return await self._load(cast("list[bytes]", await self._redis.zrange(keys.ENDPOINTS, 0, -1)))

    async def modify(
        self,
        endpoint_id: str,
        change: Callable[[WebhookEndpoint], WebhookEndpoint],
        also: Callable[[Pipeline, WebhookEndpoint], None] | None = None,
        guard: Guard | None = None,
    ) -> WebhookEndpoint:
        """Read, `change` and write until nobody else wrote in between; an unchanged record is not written.

        `also` queues more in the same MULTI, knowing the new record; `guard` is as for `create`. Raises NotFound, or
        Conflict after ten tries.
        """
        key = keys.endpoint(endpoint_id)
        for _ in range(_ATTEMPTS):
            async with self._redis.pipeline(transaction=True) as pipe:
                try:
                    await pipe.watch(key)
                    raw = cast("bytes | None", await pipe.get(key))
                    if raw is None:
                        raise _unknown(endpoint_id)
                    old = _decoder.decode(raw)
                    new = change(old)
                    if new == old:
                        return old
                    if guard is not None:
                        await guard(pipe)
                    pipe.multi()
                    pipe.set(key, msgspec.json.encode(new))
                    pipe.incr(keys.ENDPOINTS_VERSION)
                    if old.disabled_at is not None and new.disabled_at is None:
                        pipe.delete(keys.health(endpoint_id))
                    if also is not None:
                        also(pipe, new)
                    await pipe.execute()
                except WatchError:
                    continue
                return new
        raise Conflict("The webhook endpoint is changing too fast; try again.")

    async def disable(self, endpoint_id: str, reason: str, now: float) -> bool:
        """Send nothing more to an endpoint and announce that; False if it was disabled already."""
        is_new = False

        def change(endpoint: WebhookEndpoint) -> WebhookEndpoint:
            nonlocal is_new
            is_new = endpoint.disabled_at is None
            if not is_new:
                return endpoint
            return msgspec.structs.replace(endpoint, disabled_at=int(now), disabled_reason=reason)

        message = WebhookMessage(
            id=ids.make(ids.WEBHOOK_EVENT),
            type=ENDPOINT_DISABLED,
            created_at=now,
            data={"id": endpoint_id, "tunewright": {"status": "disabled", "reason": reason, "sequence": 0}},
        )
        await self.modify(endpoint_id, change, also=lambda pipe, _: queue_message(pipe, message))
        return is_new

    async def delete(self, endpoint_id: str) -> None:
        """Remove an endpoint; what waits for it is given up when it falls due. Raises NotFound."""
        if not await self._redis.exists(keys.endpoint(endpoint_id)):  # a reply that is lost has the rest sent again
            raise _unknown(endpoint_id)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(keys.endpoint(endpoint_id))
            pipe.zrem(keys.ENDPOINTS, endpoint_id)
            pipe.delete(keys.health(endpoint_id))
            pipe.incr(keys.ENDPOINTS_VERSION)
            await pipe.execute()

    async def start_test(self, endpoint_id: str, message: WebhookMessage) -> str:
        """Queue `message` for that endpoint alone, ahead of its lane and only once; return the delivery's id."""
        row = delivery_to(message, endpoint_id, once=True)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(keys.message(message.id), msgspec.json.encode(message), ex=MESSAGE_KEPT_S)
            pipe.set(keys.delivery(row.id), msgspec.json.encode(row), ex=KEPT_S)
            pipe.zadd(keys.log(endpoint_id), {row.id: message.created_at})
            pipe.expire(keys.log(endpoint_id), KEPT_S)
            pipe.zadd(keys.DUE, {row.id: 0})
            pipe.rpush(keys.BELL, "1")
            await pipe.execute()
        return row.id

    async def cancel_test(self, delivery_id: str) -> None:
        """Stop a test that nobody waits for any more."""
        await self._redis.zrem(keys.DUE, delivery_id)

    async def has_ended(self, delivery_id: str) -> bool:
        """Wait up to half a second for the end of a test; True once it is there."""
        return await self._redis.blpop([keys.answer(delivery_id)], timeout=0.5) is not None

    async def service_secret(self) -> str:
        """Return the secret that signs deliveries to a job's own `webhook_url`, made at first use.

        Operators read it with `tunewright keys webhook-secret`.
        """
        await self._redis.set(keys.SECRET, make_secret(), nx=True)
        return cast("bytes", await self._redis.get(keys.SECRET)).decode()

    async def _load(self, endpoint_ids: list[bytes]) -> list[WebhookEndpoint]:
        if not endpoint_ids:
            return []
        names = [keys.endpoint(endpoint_id.decode()) for endpoint_id in endpoint_ids]
        raws = cast("list[bytes | None]", await self._redis.mget(names))
        return [found for found in map(_readable, names, raws) if found is not None]


def _readable(name: str, raw: bytes | None) -> WebhookEndpoint | None:
    """Return the record; one that can't be read keeps no other endpoint from its webhooks."""
    try:
        return None if raw is None else _decoder.decode(raw)
    except msgspec.DecodeError:
        _log.exception("webhooks: %s can't be read", name)
        return None


def _unknown(endpoint_id: str) -> NotFound:
    return NotFound(f"No webhook endpoint with id {endpoint_id}.", param="webhook_endpoint_id")
