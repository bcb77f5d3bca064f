"""The end of an upload: its parts become one content, as a stream, and one file."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence

from service.api.idempotency import fingerprint_of
from service.api.ingest import new_file_id
from service.api.replies import encode
from service.api.upload_wire import UploadComplete, UploadOut
from service.core import clock
from service.core.errors import Conflict, InvalidRequest, Unavailable
from service.core.files import FileRecord
from service.core.uploads import Part, UploadRecord, check_md5, check_open, chosen_parts
from service.runtime import Runtime
from service.store.blobs import Blob, BlobWriter, part_key
from service.store.jobs import Guard
from service.store.leases import Lease
from service.store.redis import Pipeline

Keep = Callable[[Pipeline, bytes], None]
"""Queues the answer to be given again, beside the change that it tells of."""

_LOOK_S = 0.25  # a call that failed announces nothing
_WAIT_S = 60.0
"""How long a call waits for another one that completes the same upload: mostly it is the same, sent again."""


async def complete(runtime: Runtime, upload_id: str, asked: UploadComplete, guard: Guard, keep: Keep) -> bytes:
    """Return the answer: the completed upload, as it was told to an equal call before.

    Raises InvalidRequest for what can't be completed so, Conflict where another call is still at it after a minute.
    """
    md5 = check_md5(asked.md5)
    call = fingerprint_of(asked.part_ids, md5)
    lease = runtime.uploads.lease(upload_id)
    upload = await _free(runtime, upload_id, lease, call)
    if upload.status == "completed":
        return encode(UploadOut.of(upload))
    try:
        async with lease.renewed(), runtime.blobs.open_write() as writer:
            parts = chosen_parts(upload, await runtime.uploads.parts(upload_id), asked.part_ids)
            blob = await _joined(runtime, upload, parts, writer, md5)
            file = _file_of(upload, blob)
            await runtime.files.refs.commit(writer, file.sha256, file.id, lease.confirm)
            answer = encode(UploadOut.of(upload.with_file(file, call)))
            try:
                await runtime.uploads.complete(upload_id, file, call, guard, lambda pipe: keep(pipe, answer))
            except (InvalidRequest, Conflict):  # another end won; after any other failure the file may be there
                await runtime.files.refs.let_go(file.sha256, file.id)
                raise
    finally:
        await lease.release()
    return answer


async def _free(runtime: Runtime, upload_id: str, lease: Lease, call: str) -> UploadRecord:
    """Return the upload once the lease is taken, or once an equal call has completed it."""
    deadline = asyncio.get_running_loop().time() + _WAIT_S
    while True:
        upload = await runtime.uploads.get(upload_id)
        if upload.status == "completed" and upload.request == call:
            return upload
        check_open(upload)
        if await lease.take():
            return upload
        if asyncio.get_running_loop().time() > deadline:
            raise Conflict("The upload is being completed; ask again for the answer.", retry_after_s=1)
        await runtime.changes.wait(upload_id, _LOOK_S)


async def _joined(
    runtime: Runtime, upload: UploadRecord, parts: Sequence[Part], writer: BlobWriter, md5: str | None
) -> Blob:
    """Write the parts one behind the other. Raises InvalidRequest where the whole has another MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        async for chunk in runtime.blobs.read(part_key(upload.id, part.id)):
            await writer.write(chunk)
            if md5 is not None:
                await asyncio.to_thread(digest.update, chunk)
    blob = await writer.seal()
    if blob.bytes != upload.bytes:
        raise Unavailable("The stored parts are not what was received.", code="storage_unavailable")
    if md5 is not None and digest.hexdigest() != md5:
        raise InvalidRequest(
            f"The MD5 of the parts in this order is {digest.hexdigest()}, not {md5}.", param="md5", code="md5_mismatch"
        )
    return blob


def _file_of(upload: UploadRecord, blob: Blob) -> FileRecord:
    created_at = int(clock.now())
    return FileRecord(
        id=new_file_id(),
        filename=upload.filename,
        purpose=upload.purpose,
        bytes=blob.bytes,
        sha256=blob.sha256,
        created_at=created_at,
        expires_at=None if upload.lifetime_s is None else created_at + upload.lifetime_s,
    )
