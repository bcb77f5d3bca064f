"""Check a new dataset as a file: under the model that was asked for, else the default one."""

import msgspec

from service.core import clock
from service.core.announcements import dataset_message
from service.core.dataset.report import Report
from service.core.files import FileRecord
from service.store.counters import count
from service.store.due import Claim
from service.store.redis import Pipeline
from service.store.reports import ReportRequest
from service.store.webhooks import queue_message
from workers.content import ContentCorrupt
from workers.context import Context
from workers.steps import fetch, rejection
from workers.steps import report as reports
from workers.trial import WorkerLost

UNMADE_S = 30.0
"""How often a dataset is looked at that is still being made."""


async def look(context: Context, claim: Claim, file_id: str) -> float | None:
    """Write the verdict into the file's record, unless it is there already."""
    runtime = context.runtime
    record = await runtime.files.get(file_id)
    if record is None or record.status != "uploaded":
        return None
    if not record.has_content:
        return await _await_content(context, claim, record)
    request = ReportRequest(
        file_id=file_id,
        sha256=record.sha256,
        model=record.asked_model or runtime.settings.default_model,
        method=record.asked_method or "supervised",
    )
    try:
        report = await reports.ensure(context, claim, request)
    except ContentCorrupt as corrupt:
        await rejection.corrupt(context, file_id, corrupt)
        return None
    except WorkerLost as lost:
        await rejection.unchecked(context, file_id, lost)
        return None
    key = runtime.reports.key(request)

    def verdict(old: FileRecord) -> FileRecord | None:
        return None if old.status != "uploaded" else with_verdict(old, report, key)

    def also(pipe: Pipeline) -> None:
        _announce(pipe, with_verdict(record, report, key), report)

    await runtime.files.finish_check(file_id, verdict, also)
    return None


async def _await_content(context: Context, claim: Claim, record: FileRecord) -> float | None:
    """Fetch a dataset, or have it made: then it is rung again with its content, and this is a safety net."""
    if record.source is not None:
        return await fetch.run(context, claim, record)
    if record.derivation is not None:
        await context.runtime.due.ring(f"derive:{record.derivation.id}")
    return UNMADE_S


def with_verdict(record: FileRecord, report: Report, key: str) -> FileRecord:
    """Return the record with what the check found; rejected only if no form fits the file."""
    details = None
    if report.rejected and report.errors:
        first = report.errors[0]
        details = f"{f'Line {first.line}: ' if first.line else ''}{first.message} ({first.code})"
    return msgspec.structs.replace(
        record,
        status="error" if report.rejected else "processed",
        status_details=details,
        format=report.format,
        examples=report.examples,
        valid=report.valid,
        error_count=report.error_count,
        warning_count=report.warning_count,
        report_key=key,
    )


def _announce(pipe: Pipeline, record: FileRecord, report: Report) -> None:
    queue_message(pipe, dataset_message(record, clock.now()))
    count(pipe, "dataset_bytes", report.bytes)
    count(pipe, "dataset_lines", report.lines)
    count(pipe, "dataset_tokens", report.tokens.total if report.tokens else 0)
    for code, number in report.counts.items():
        count(pipe, "dataset_errors", number, code=code)
