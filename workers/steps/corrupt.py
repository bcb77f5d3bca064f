"""What follows when stored bytes are found to have changed since they were accepted."""

import msgspec

from service.core import clock
from service.core.announcements import dataset_payload
from service.core.files import FileRecord
from service.core.ids import WEBHOOK_EVENT, make
from service.core.webhooks import WebhookMessage
from service.store.counters import count
from service.store.redis import Pipeline
from service.store.webhooks import queue_message
from workers.content import ContentCorrupt
from workers.context import Context


async def refuse(context: Context, file_id: str, corrupt: ContentCorrupt) -> None:
    """Give the dataset's record the state `error` and no report, and tell of it."""
    record = await context.runtime.files.get(file_id)
    if record is None or record.sha256 != corrupt.sha256:
        return
    refused = _refused(record, corrupt)

    def also(pipe: Pipeline) -> None:
        queue_message(pipe, message_of(refused))
        count(pipe, "dataset_errors", code="dataset_corrupt")

    await context.runtime.files.finish_check(
        file_id, lambda old: None if old.status == "error" else _refused(old, corrupt), also
    )


def message_of(record: FileRecord) -> WebhookMessage:
    """Return the webhook that tells what became of a dataset."""
    return WebhookMessage(
        id=make(WEBHOOK_EVENT),
        type="dataset.rejected" if record.status == "error" else "dataset.ready",
        created_at=int(clock.now()),
        job_id=None,
        data=dataset_payload(record),
        sequence=0,
        extra_url=None,
    )


def _refused(record: FileRecord, corrupt: ContentCorrupt) -> FileRecord:
    details = f"{corrupt} (dataset_corrupt)"
    return msgspec.structs.replace(record, status="error", status_details=details, valid=False, report_key=None)
