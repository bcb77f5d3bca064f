"""The end of a dataset that can't be fetched, made or checked: its record says why; it is told of and counted."""

from collections.abc import Callable

import msgspec

from service.core import clock
from service.core.announcements import dataset_message
from service.core.files import FileRecord
from service.core.trials import LOST
from service.store.counters import count
from service.store.redis import Pipeline
from service.store.webhooks import queue_message
from workers.content import ContentCorrupt
from workers.context import Context
from workers.trial import WorkerLost

CORRUPT = "dataset_corrupt"


async def unmade(
    context: Context, file_id: str, code: str, details: str, also: Callable[[Pipeline], None] | None = None
) -> None:
    """Reject a dataset whose content can't be had; `also` queues more commands into the same MULTI."""

    def rejected(old: FileRecord) -> FileRecord | None:
        if old.status != "uploaded" or old.has_content:
            return None
        return msgspec.structs.replace(old, status="error", status_details=details, rejected_for=code)

    await _write(context, file_id, code, rejected, also)


async def corrupt(context: Context, file_id: str, why: ContentCorrupt) -> None:
    """Reject a dataset whose stored bytes have changed since they were accepted, whatever its check has said."""

    def rejected(old: FileRecord) -> FileRecord | None:
        if old.status == "error" or old.sha256 != why.sha256:
            return None
        details = f"{why} ({CORRUPT})"
        return msgspec.structs.replace(
            old, status="error", status_details=details, rejected_for=CORRUPT, valid=False, report_key=None
        )

    await _write(context, file_id, CORRUPT, rejected)


async def unchecked(context: Context, file_id: str, why: WorkerLost) -> None:
    """Reject a dataset that no worker lives through the check of; whether it is valid stays unknown."""

    def rejected(old: FileRecord) -> FileRecord | None:
        if old.status != "uploaded":
            return None
        return msgspec.structs.replace(old, status="error", status_details=f"{why} ({LOST})", rejected_for=LOST)

    await _write(context, file_id, LOST, rejected)


async def _write(
    context: Context,
    file_id: str,
    code: str,
    rejected: Callable[[FileRecord], FileRecord | None],
    more: Callable[[Pipeline], None] | None = None,
) -> None:
    record = await context.runtime.files.get(file_id)
    if record is None or (seen := rejected(record)) is None:
        return
    news = dataset_message(seen, clock.now())

    def also(pipe: Pipeline) -> None:
        queue_message(pipe, news)
        count(pipe, "dataset_errors", code=code)
        if more is not None:
            more(pipe)

    await context.runtime.files.finish_check(file_id, rejected, also)
