"""`GET /v1/datasets/{id}/report`."""

from litestar import get
from litestar.params import FromPath

from service.api import queries
from service.api.comparison import with_comparison
from service.api.context import HttpRequest, runtime_of
from service.api.dataset_wire import ReportPending
from service.api.files import check_content, find_dataset
from service.api.replies import Headers, Reply, json_reply
from service.api.report_requests import own_report, requested
from service.api.waiting import settled
from service.core import trials
from service.core.dataset.markdown import to_markdown
from service.core.dataset.page import to_html
from service.core.dataset.report import Report
from service.core.dataset.sarif import to_sarif
from service.core.errors import InvalidRequest
from service.core.files import FileRecord
from service.core.jobs import Method
from service.store.reports import ReportRequest

_FORMATS = ("json", "sarif", "markdown", "html")
RETRY_AFTER: Headers = ((b"retry-after", b"1"),)


@get("/{file_id:str}/report")
async def get_report(request: HttpRequest, file_id: FromPath[str]) -> Reply:
    """Show what the check found, as JSON, SARIF, markdown or HTML; 202 while a worker makes it (`Prefer: wait=N`)."""
    form = queries.text_of(request, "format") or "json"
    if form not in _FORMATS:
        raise InvalidRequest(f"Invalid 'format': there are {', '.join(_FORMATS)}.", param="format")
    record, headers = await _arrived(request, file_id)
    asked = await requested(request, record)
    report = None
    if record.has_content:
        _check_sound(record)
        report, headers = await report_of(request, record, asked)
    if report is None:
        pending = ReportPending(
            dataset=record.id, model=asked.model, method=asked.method, validation=asked.validation_id
        )
        return json_reply(pending, status=202, headers=(*RETRY_AFTER, *headers))
    report = await with_comparison(request, report, Method(type=asked.method))
    if form == "markdown":
        kind = (b"content-type", b"text/markdown; charset=utf-8")
        return Reply(to_markdown(report, record.filename).encode(), headers=(kind, *headers))
    if form == "html":
        kind = (b"content-type", b"text/html; charset=utf-8")
        return Reply(to_html(report, record.filename).encode(), headers=(kind, *headers))
    if form == "sarif":
        return Reply(
            to_sarif(report, record.filename), headers=((b"content-type", b"application/sarif+json"), *headers)
        )
    return json_reply(report, headers=headers)


async def _arrived(request: HttpRequest, file_id: str) -> tuple[FileRecord, Headers]:
    """Return the dataset, waiting for its content as the client prefers. Raises InvalidRequest if none will come."""

    async def read() -> FileRecord:
        return await find_dataset(request, file_id)

    record = await read()
    if record.has_content:
        return record, ()
    record, headers = await settled(request, file_id, read, lambda found: found.has_content or found.status == "error")
    if record.status == "error":
        check_content(record)
    return record, headers


def _check_sound(record: FileRecord) -> None:
    """Raise InvalidRequest for a dataset that was rejected without a report: changed bytes, or no worker to live."""
    if record.status == "error" and record.report_key is None:
        raise InvalidRequest(
            record.status_details or "The dataset can't be read.", param="id", code=record.rejected_for
        )


async def report_of(request: HttpRequest, record: FileRecord, asked: ReportRequest) -> tuple[Report | None, Headers]:
    """Return the report, waiting for it as the client prefers; None while it is being made. Has it made if need be.

    Raises InvalidRequest where making it has ended too many workers.
    """
    runtime = runtime_of(request)

    async def read() -> Report | None:
        found = await runtime.reports.get(asked)
        if found is None and await runtime.trials.is_given_up(trials.check_of(record.id)):
            raise InvalidRequest(trials.message(trials.CHECKING), param="id", code=trials.LOST)
        return found

    if (report := await read()) is not None:
        return report, ()
    own, digest = own_report(record, runtime.settings.default_model), runtime.reports.digest(asked)
    if digest == runtime.reports.digest(own) and record.status == "uploaded":  # its own check is under way
        return await settled(request, digest, read, lambda found: found is not None)
    await runtime.reports.ask(asked)
    return await settled(request, digest, read, lambda found: found is not None)
