"""API keys in Redis; a deleted record is a revoked key."""

from collections.abc import Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.api_keys import ApiKey, digest, key_id, make_token
from service.store import keys

_decoder = msgspec.json.Decoder(ApiKey)


class ApiKeyStore:
    """Creates, lists, revokes and verifies keys."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def create(self, name: str, now: float, expires_at: int | None = None) -> tuple[ApiKey, str]:
        """Return a new key's record and the key itself, which is kept nowhere."""
        token = make_token()
        record = ApiKey(
            id=cast("str", key_id(token)),
            name=name,
            sha256=digest(token),
            created_at=int(now),
            expires_at=expires_at,
        )
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(keys.api_key(record.id), msgspec.json.encode(record))
            pipe.zadd(keys.API_KEYS, {record.id: now})
            pipe.set(keys.API_KEYS_MADE, "1")
            await pipe.execute()
        return record, token

    async def list(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        ids = cast("list[bytes]", await self._redis.zrange(keys.API_KEYS, 0, -1))
        if not ids:
            return []
        raw = cast("list[bytes | None]", await self._redis.mget([keys.api_key(name.decode()) for name in ids]))
        return [_decoder.decode(record) for record in raw if record]

    async def revoke(self, key_id: str) -> bool:
        """Delete a key; False if there was none. Replicas refuse it within seconds (`service/api/gate.py`)."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(keys.api_key(key_id))
            pipe.zrem(keys.API_KEYS, key_id)
            answers = await pipe.execute()
        return bool(answers[0])

    async def any(self) -> bool:
        """Tell whether a key was ever created: revoking the last one closes the service, it does not open it."""
        return bool(await self._redis.exists(keys.API_KEYS_MADE, keys.API_KEYS))

    async def verify(self, token: str, now: float) -> ApiKey | None:
        """Return the record of a good key; a malformed one costs no look-up."""
        found = key_id(token)
        if found is None:
            return None
        raw = cast("bytes | None", await self._redis.get(keys.api_key(found)))
        record = None if raw is None else _decoder.decode(raw)
        return record if record is not None and record.fits(token, now) else None
