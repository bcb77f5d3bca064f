"""`/v1/files`, as OpenAI has it."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from litestar import Router, delete, get, post
from litestar.params import FromPath

from service.api import multipart, queries
from service.api.bodies import stream
from service.api.context import HttpRequest, runtime_of
from service.api.file_wire import FileDeleted, FileOut, check_purpose, lifetime_of
from service.api.idempotency import attempt
from service.api.ingest import arrival, keep, new_file_id
from service.api.multipart import Form
from service.api.replies import Reply, StreamReply, json_reply, page
from service.core import clock, ids
from service.core.errors import InvalidRequest, NotFound
from service.core.files import RESULTS, TRAINING, FileRecord, display_name
from service.store.blobs import Blob, content_key
from service.store.files import Order

_ORDERS: tuple[Order, ...] = ("asc", "desc")
_PAGE = 10_000


@post("/", request_max_body_size=None, status_code=200)
async def create_file(request: HttpRequest) -> Reply:
    """Upload a file as a multipart form; it is stored as it arrives."""
    limit = runtime_of(request).settings.max_file_bytes
    async with attempt(request, None) as tried, arrival(request, tried) as arrived:
        body = stream(request, limit + multipart.OVERHEAD_BYTES)
        form = await multipart.read_form(request, body, multipart.FilePart("file", limit, arrived.writer.write))
        return await keep(arrived, lambda blob: _described(form, blob), FileOut.of)


@get("/")
async def list_files(request: HttpRequest) -> Reply:
    """List files, newest first."""
    purpose = queries.text_of(request, "purpose")
    if purpose not in {None, TRAINING, RESULTS}:
        return json_reply(page([], has_more=False))  # a purpose of OpenAI's that is not ours, as there
    found, has_more = await runtime_of(request).files.list(
        after=queries.after_of(request),
        limit=queries.limit_of(request, _PAGE, _PAGE),
        order=order_of(request),
        purpose=purpose,
    )
    now = clock.now()
    return json_reply(page([FileOut.of(record) for record in found if not record.is_expired(now)], has_more))


@get("/{file_id:str}")
async def get_file(request: HttpRequest, file_id: FromPath[str]) -> Reply:
    """Show a file."""
    return json_reply(FileOut.of(await find_file(request, file_id)))


@delete("/{file_id:str}", status_code=200)
async def delete_file(request: HttpRequest, file_id: FromPath[str]) -> Reply:
    """Delete a file; jobs that need its bytes keep them until they end."""
    record = await find_file(request, file_id)
    await runtime_of(request).files.delete(record.id)
    return json_reply(FileDeleted(id=record.id))


@get("/{file_id:str}/content")
async def get_content(request: HttpRequest, file_id: FromPath[str]) -> StreamReply:
    """Send a file's bytes."""
    record = await find_file(request, file_id)
    check_content(record)
    headers = (
        (b"content-type", b"application/octet-stream"),
        (b"content-length", str(record.bytes).encode()),
        (b"content-disposition", _disposition(record.filename)),
        (b"x-content-type-options", b"nosniff"),
    )
    return StreamReply(_content(request, record), headers=headers)


files = Router(path="/v1/files", route_handlers=[create_file, list_files, get_file, delete_file, get_content])


async def find_file(request: HttpRequest, file_id: str) -> FileRecord:
    """Return a file that is there and has not expired. Raises NotFound."""
    record = await runtime_of(request).files.get(file_id) if ids.is_safe(file_id) else None
    if record is None or record.is_expired(clock.now()):
        raise NotFound(f"No such File object: {file_id[:100]}", param="id", code="file_not_found")
    return record


def order_of(request: HttpRequest) -> Order:
    """Return the order of a list, newest first by default."""
    order: Order | None = queries.choice_of(request, "order", _ORDERS)
    return "desc" if order is None else order


async def find_dataset(request: HttpRequest, file_id: str, param: str = "id") -> FileRecord:
    """Return a file that is a dataset. Raises NotFound."""
    record = await find_file(request, file_id)
    if record.purpose != TRAINING:
        raise NotFound(f"The file {file_id} is no dataset: its purpose is {record.purpose!r}.", param=param)
    return record


def check_content(record: FileRecord, param: str = "id") -> None:
    """Raise InvalidRequest for a dataset that is still being made or fetched, NotFound for one that could not be."""
    if record.has_content:
        return
    if record.status == "error":
        raise NotFound(
            f"The dataset {record.id} has no content: {record.status_details}", param=param, code="dataset_not_made"
        )
    raise InvalidRequest(
        f"The dataset {record.id} is still being made or fetched; GET /v1/datasets/{record.id} with `Prefer: wait=60` "
        "holds its answer until it is.",
        param=param,
        code="dataset_not_ready",
    )


async def _content(request: HttpRequest, record: FileRecord) -> AsyncIterator[bytes]:
    async for chunk in runtime_of(request).blobs.read(content_key(record.sha256)):
        yield chunk


def _described(form: Form, blob: Blob) -> FileRecord:
    """Return the record of an upload. Raises InvalidRequest for fields that are missing or wrong."""
    if form.filename is None:
        raise InvalidRequest("Missing required parameter: 'file'.", param="file", code="missing_required_parameter")
    lifetime = lifetime_of(form.fields.get("expires_after[anchor]"), form.fields.get("expires_after[seconds]"))
    created_at = int(clock.now())
    return FileRecord(
        id=new_file_id(),
        filename=display_name(form.filename),
        purpose=check_purpose(form.fields.get("purpose")),
        bytes=blob.bytes,
        sha256=blob.sha256,
        created_at=created_at,
        expires_at=None if lifetime is None else created_at + lifetime,
    )


def _disposition(filename: str) -> bytes:
    """Return RFC 6266's form: an ASCII name for old readers, the real one percent-encoded."""
    plain = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}".encode("ascii")
