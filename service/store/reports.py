"""Reports of datasets: one per content, model, method and validation content, kept as a blob; and the wish for one."""

import hashlib
from collections.abc import Callable
from typing import cast

import msgspec
from redis.asyncio import Redis

from service.core.dataset.report import Report
from service.core.jobs import MethodType
from service.store import due, keys
from service.store.blobs import BlobStore, report_folder

FORM = 3
"""Part of the key; raise it when the checker finds other things in the same bytes: reports are made anew."""

WISH_S = 86_400
_decoder = msgspec.json.Decoder(Report)


class ReportRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Which report: file ids name the reader's view, the hashes say what is checked.

    `reads` are the members that a grader reads of each reinforcement line: a line without one is a finding.
    """

    file_id: str
    sha256: str
    model: str
    method: MethodType
    validation_id: str | None = None
    validation_sha256: str | None = None
    reads: tuple[str, ...] = ()


class ReportStore:
    """Reads and keeps reports, and passes the API's wish for one to the workers.

    `edition` tells what the operator says of a model: reports from before it changed do not count any more.
    """

    def __init__(self, redis: Redis, blobs: BlobStore, edition: Callable[[str], str]) -> None:
        self._redis = redis
        self._blobs = blobs
        self._edition = edition

    def digest(self, request: ReportRequest) -> str:
        """Return the same text for requests that one report answers."""
        parts = [str(FORM), request.sha256, request.model, request.method, request.validation_sha256 or ""]
        edition = self._edition(request.model)
        parts += [*request.reads, *([f"edition:{edition}"] if edition else [])]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    def key(self, request: ReportRequest) -> str:
        """Return the blob's key; reports of one content lie in one folder and go with it."""
        return f"{report_folder(request.sha256)}{self.digest(request)}.json"

    async def get(self, request: ReportRequest) -> Report | None:
        """Return the report if it was made; `dataset` is the file id of `request`."""
        found = await self.load(self.key(request))
        return None if found is None else msgspec.structs.replace(found, dataset=request.file_id)

    async def load(self, key: str) -> Report | None:
        """Return the report in blob `key`, with the `dataset` that it was made for; unreadable is as none."""
        raw = await self._blobs.get(key)
        if raw is None:
            return None
        try:
            return _decoder.decode(raw)
        except msgspec.ValidationError:  # of an older release
            return None

    async def keep(self, request: ReportRequest, report: Report) -> None:
        """Store a report, and wake those who wait for it."""
        await self._blobs.put(self.key(request), msgspec.json.encode(report))
        await self._redis.publish(keys.CHANGED, self.digest(request))

    async def ask(self, request: ReportRequest) -> None:
        """Have a worker make the report; asking again is no second work."""
        digest = self.digest(request)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(keys.report(digest), msgspec.json.encode(request), ex=WISH_S)
            due.ring(pipe, f"report:{digest}")
            await pipe.execute()

    async def asked(self, digest: str) -> ReportRequest | None:
        """Return the wish with this digest, None if it was answered."""
        raw = cast("bytes | None", await self._redis.get(keys.report(digest)))
        return None if raw is None else msgspec.json.decode(raw, type=ReportRequest)

    async def answered(self, digest: str) -> None:
        """Forget a wish."""
        await self._redis.delete(keys.report(digest))
