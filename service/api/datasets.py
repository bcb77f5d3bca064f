"""`/v1/datasets`: files of purpose `fine-tune`, with what their check found."""

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath

from service.api import queries
from service.api.bodies import stream
from service.api.context import HttpRequest, runtime_of
from service.api.dataset_input import asked_of, from_url
from service.api.dataset_wire import DatasetOut
from service.api.derive import derive_dataset, get_diff
from service.api.files import find_dataset, order_of
from service.api.idempotency import attempt
from service.api.ingest import arrival, keep
from service.api.replies import Reply, json_reply, page
from service.api.reports import get_report
from service.api.waiting import settled
from service.core import clock
from service.core.errors import UnsupportedMedia
from service.core.files import TRAINING, FileRecord
from service.store.blobs import Blob
from service.store.encodings import decoded

_PAGE, _MOST = 20, 1_000


@post("/", request_max_body_size=None, status_code=200)
async def create_dataset(request: HttpRequest) -> Reply:
    """Store JSON lines sent as the body itself, or (as application/json) fetch them from `url`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return await from_url(request)
    if kind.startswith("multipart/"):
        raise UnsupportedMedia("Send the JSON lines as the body itself here; /v1/files takes multipart forms.")
    asked = asked_of(request)
    limit = runtime_of(request).settings.max_dataset_bytes
    encoding = request.headers.get("content-encoding", "")
    async with attempt(request, None) as tried, arrival(request, tried) as arrived:
        async for chunk in decoded(stream(request, limit), encoding, limit):
            await arrived.writer.write(chunk)
        return await keep(arrived, lambda blob: _described(asked, blob), DatasetOut.of)


@get("/")
async def list_datasets(request: HttpRequest) -> Reply:
    """List datasets, newest first."""
    found, has_more = await runtime_of(request).files.list(
        after=queries.after_of(request),
        limit=queries.limit_of(request, _PAGE, _MOST),
        order=order_of(request),
        purpose=TRAINING,
    )
    now = clock.now()
    return json_reply(page([DatasetOut.of(record) for record in found if not record.is_expired(now)], has_more))


@get("/{file_id:str}")
async def get_dataset(request: HttpRequest, file_id: FromPath[str]) -> Reply:
    """Show a dataset; `Prefer: wait=N` holds the answer until its check is done."""

    async def read() -> FileRecord:
        return await find_dataset(request, file_id)

    record, headers = await settled(request, file_id, read, lambda found: found.status != "uploaded")
    return json_reply(DatasetOut.of(record), headers=headers)


datasets = Router(
    path="/v1/datasets",
    route_handlers=[create_dataset, list_datasets, get_dataset, get_report, derive_dataset, get_diff],
)


def _described(asked: FileRecord, blob: Blob) -> FileRecord:
    return msgspec.structs.replace(asked, bytes=blob.bytes, sha256=blob.sha256)
