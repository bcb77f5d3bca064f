"""What follows when stored bytes are found to have changed since they were accepted."""

import msgspec

from service.core import clock
from service.core.announcements import dataset_message
from service.core.files import FileRecord
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
        queue_message(pipe, dataset_message(refused, clock.now()))
        count(pipe, "dataset_errors", code="dataset_corrupt")

    await context.runtime.files.finish_check(
        file_id, lambda old: None if old.status == "error" else _refused(old, corrupt), also
    )


def _refused(record: FileRecord, corrupt: ContentCorrupt) -> FileRecord:
    details = f"{corrupt} (dataset_corrupt)"
    return msgspec.structs.replace(record, status="error", status_details=details, valid=False, report_key=None)
