"""From bytes that arrive to a file of ours: the one way in for `/v1/files` and `/v1/datasets`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import msgspec

from service.api.context import HttpRequest, runtime_of
from service.api.idempotency import Attempt, fingerprint_of
from service.api.replies import Reply, encode, raw_reply
from service.core import clock, ids
from service.core.errors import Conflict
from service.core.files import FileRecord
from service.store.blobs import Blob, BlobWriter
from service.store.redis import Pipeline

Describe = Callable[[Blob], FileRecord]
Wire = Callable[[FileRecord], object]


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A request that brings bytes: where they go, and the attempt that it is."""

    request: HttpRequest
    writer: BlobWriter
    attempt: Attempt


@asynccontextmanager
async def arrival(request: HttpRequest, attempt: Attempt) -> AsyncGenerator[Arrival]:
    """Open a blob for the body; whatever ends the context before `keep` leaves nothing behind."""
    async with runtime_of(request).blobs.open_write() as writer:
        yield Arrival(request=request, writer=writer, attempt=attempt)


async def keep(arrived: Arrival, describe: Describe, wire: Wire) -> Reply:
    """Commit the bytes, then the record with the kept answer in one MULTI; return the answer.

    `describe` makes the record of the sealed bytes, `wire` its JSON form. The blob is held by the record's id before
    it appears, so that no collector takes it in between.
    """
    runtime = runtime_of(arrived.request)
    blob = await arrived.writer.seal()
    record = describe(blob)
    fingerprint = _fingerprint(record)
    if (replay := arrived.attempt.replay(fingerprint)) is not None:
        return replay
    await runtime.files.refs.commit(arrived.writer, record.sha256, record.id)
    body = encode(wire(record))

    def also(pipe: Pipeline) -> None:
        arrived.attempt.keep(pipe, fingerprint, body)

    try:
        await runtime.files.create(record, also, arrived.attempt.guard, created_micros=int(clock.now() * 1_000_000))
    except Conflict:  # an equal request took over; after any other failure the record may be there all the same
        await runtime.files.refs.let_go(record.sha256, record.id)
        raise
    return raw_reply(body)


def new_file_id() -> str:
    """Return the id of a file to be."""
    return ids.make(ids.FILE)


def _fingerprint(record: FileRecord) -> str:
    """Hash what the client sent: fields, filename and bytes, not what we added."""
    lifetime = None if record.expires_at is None else record.expires_at - record.created_at
    return fingerprint_of(
        record.filename,
        record.purpose,
        record.sha256,
        lifetime,
        record.metadata,
        record.asked_model,
        record.asked_method,
    )
