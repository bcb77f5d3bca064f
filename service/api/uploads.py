"""`/v1/uploads`, as OpenAI has it: a large file in parts. The file that comes of it is like any other."""

from litestar import Router, post
from litestar.params import FromPath

from service.api import multipart
from service.api.bodies import decode_json, read_bytes, stream
from service.api.context import HttpRequest, runtime_of
from service.api.file_wire import check_purpose, lifetime_of
from service.api.idempotency import Attempt, attempt, fingerprint_of, json_fingerprint
from service.api.replies import Reply, encode, json_reply, raw_reply
from service.api.upload_completion import complete
from service.api.upload_wire import UploadComplete, UploadCreate, UploadOut, UploadPartOut
from service.core import clock, ids
from service.core.errors import InvalidRequest, NotFound
from service.core.files import display_name
from service.core.uploads import MAX_PART_BYTES, Part, UploadRecord, check_announced, check_open
from service.store.blobs import Blob, BlobWriter, part_key


@post("/", status_code=200)
async def create_upload(request: HttpRequest) -> Reply:
    """Begin an upload; it takes parts for an hour."""
    body = await read_bytes(request)
    upload = _announced(request, decode_json(body, UploadCreate))
    fingerprint = json_fingerprint(body)
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        answer = encode(UploadOut.of(upload))
        await runtime_of(request).uploads.create(
            upload, tried.guard, lambda pipe: tried.keep(pipe, fingerprint, answer)
        )
    return raw_reply(answer)


@post("/{upload_id:str}/parts", request_max_body_size=None, status_code=200)
async def create_upload_part(request: HttpRequest, upload_id: FromPath[str]) -> Reply:
    """Add a part: the form's field `data`, at most 64 MB. Parts may come at the same time and in any order."""
    _check_id(upload_id)
    part_id = ids.make(ids.UPLOAD_PART)
    async with attempt(request, None) as tried:
        if not tried.is_repeated:
            check_open(await runtime_of(request).uploads.get(upload_id))
        async with runtime_of(request).blobs.open_write(part_key(upload_id, part_id)) as writer:
            blob = await _received(request, writer)
            fingerprint = fingerprint_of(blob.sha256)
            if (first := tried.replay(fingerprint)) is not None:
                return first
            await writer.commit()
        part = Part(id=part_id, bytes=blob.bytes, created_at=int(clock.now()))
        return await _added(request, upload_id, part, tried, fingerprint)


@post("/{upload_id:str}/complete", status_code=200)
async def complete_upload(request: HttpRequest, upload_id: FromPath[str]) -> Reply:
    """Make a file of the named parts, in their order. The same call again gets the same file."""
    _check_id(upload_id)
    body = await read_bytes(request)
    asked = decode_json(body, UploadComplete)
    fingerprint = json_fingerprint(body)
    async with attempt(request, fingerprint) as tried:
        if (first := tried.replay(fingerprint)) is not None:
            return first
        answer = await complete(
            runtime_of(request), upload_id, asked, tried.guard, lambda pipe, body: tried.keep(pipe, fingerprint, body)
        )
    return raw_reply(answer)


@post("/{upload_id:str}/cancel", status_code=200)
async def cancel_upload(request: HttpRequest, upload_id: FromPath[str]) -> Reply:
    """Cancel an upload; its parts are deleted."""
    _check_id(upload_id)
    return json_reply(UploadOut.of(await runtime_of(request).uploads.cancel(upload_id)))


uploads = Router(path="/v1/uploads", route_handlers=[create_upload, create_upload_part, complete_upload, cancel_upload])


def _announced(request: HttpRequest, asked: UploadCreate) -> UploadRecord:
    """Return the upload that a body asks for. Raises InvalidRequest."""
    purpose = check_purpose(asked.purpose)
    check_announced(asked.bytes, asked.mime_type, runtime_of(request).settings.max_upload_bytes)
    if not asked.filename:
        raise InvalidRequest("Invalid 'filename': it must not be empty.", param="filename")
    expiry = asked.expires_after
    return UploadRecord(
        id=ids.make(ids.UPLOAD),
        filename=display_name(asked.filename),
        purpose=purpose,
        mime_type=asked.mime_type,
        bytes=asked.bytes,
        created_at=int(clock.now()),
        lifetime_s=None if expiry is None else lifetime_of(expiry.anchor, str(expiry.seconds)),
    )


def _check_id(upload_id: str) -> None:
    if not ids.is_safe(upload_id) or ":" in upload_id:
        raise NotFound(f"No such Upload object: {upload_id[:100]}", param="upload_id", code="upload_not_found")


async def _received(request: HttpRequest, writer: BlobWriter) -> Blob:
    """Stage the form's part. Raises InvalidRequest where there is none, TooLarge above 64 MB."""
    body = stream(request, MAX_PART_BYTES + multipart.OVERHEAD_BYTES)
    form = await multipart.read_form(request, body, multipart.FilePart("data", MAX_PART_BYTES, writer.write))
    if not form.has_file:
        raise InvalidRequest("Missing required parameter: 'data'.", param="data", code="missing_required_parameter")
    blob = await writer.seal()
    if not blob.bytes:
        raise InvalidRequest("Invalid 'data': the part is empty.", param="data")
    return blob


async def _added(request: HttpRequest, upload_id: str, part: Part, tried: Attempt, fingerprint: str) -> Reply:
    """Record a part whose bytes are stored; where the upload does not take it, the bytes go."""
    runtime = runtime_of(request)
    answer = encode(UploadPartOut.of(part, upload_id))
    try:
        await runtime.uploads.add_part(upload_id, part, tried.guard, lambda pipe: tried.keep(pipe, fingerprint, answer))
    except (InvalidRequest, NotFound):  # what else may fail leaves it open whether the part was taken
        await runtime.blobs.delete(part_key(upload_id, part.id))
        raise
    return raw_reply(answer)
