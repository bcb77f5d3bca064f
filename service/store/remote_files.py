"""Which content is at which provider under which id, how far an upload in parts got, and who is at it."""

import secrets
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.remote import SentParts
from service.store import keys
from service.store.leases import Lease

_JOURNAL_S = 7_200
"""Longer than an upload lives at any provider."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SentParts)


class RemoteFiles:
    """The files of one provider."""

    def __init__(self, redis: Redis, provider: str) -> None:
        self._redis = redis
        self._provider = provider

    async def get(self, sha256: str) -> str | None:
        """Return the provider's file id of a content, None if it has none that we know."""
        kept = cast("bytes | None", await self._redis.get(keys.remote_upload(self._provider, sha256)))
        return None if kept is None else kept.decode()

    async def keep(self, sha256: str, file_id: str) -> None:
        """Remember the id."""
        await self._redis.set(keys.remote_upload(self._provider, sha256), file_id)

    async def forget(self, sha256: str) -> None:
        """Drop the id: the provider does not know the file any more."""
        await self._redis.delete(keys.remote_upload(self._provider, sha256))

    def journal(self, sha256: str) -> "PartsJournal":
        """Return the journal of the content's upload."""
        return PartsJournal(self._redis, keys.remote_upload_parts(self._provider, sha256))

    def lease(self, sha256: str, seconds: float) -> Lease:
        """Return the right to upload the content, not taken yet; it runs out with the worker that has it."""
        row = secrets.token_hex(8).encode()
        return Lease(
            self._redis,
            keys.remote_upload_lease(self._provider, sha256),
            row,
            lost="Another worker uploads this content.",
            seconds=seconds,
        )


class PartsJournal:
    """What is noted of one upload in parts."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    async def read(self) -> SentParts | None:
        """Return what was noted last."""
        raw = cast("bytes | None", await self._redis.get(self._key))
        return None if raw is None else _decoder.decode(raw)

    async def write(self, sent: SentParts | None) -> None:
        """Note it; None for an upload that has ended."""
        if sent is None:
            await self._redis.delete(self._key)
        else:
            await self._redis.set(self._key, _encoder.encode(sent), ex=_JOURNAL_S)
