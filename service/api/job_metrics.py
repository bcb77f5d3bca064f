"""A job's training figures: every metrics event as one row."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

from litestar import get
from litestar.params import FromPath

from service.api import queries
from service.api.context import HttpRequest, runtime_of
from service.api.job_reading import find_job
from service.api.replies import StreamReply, encode
from service.core.jobs import Event, Job

COLUMNS = (
    "step",
    "total_steps",
    "train_loss",
    "train_mean_token_accuracy",
    "valid_loss",
    "valid_mean_token_accuracy",
    "full_valid_loss",
    "full_valid_mean_token_accuracy",
    "created_at",
)
"""Of the CSV. The JSON holds whatever the provider sent, reinforcement's rewards too."""

_AT_ONCE = 1_000
_FORMATS = ("json", "csv")


@get("/{job_id:str}/metrics")
async def get_metrics(request: HttpRequest, job_id: FromPath[str]) -> StreamReply:
    """Show the figures of all steps, oldest first; CSV with `?format=csv` or `Accept: text/csv`."""
    form = queries.choice_of(request, "format", _FORMATS)
    job = await find_job(request, job_id)
    if form == "csv" or (form is None and "text/csv" in request.headers.get("accept", "")):
        name = f'attachment; filename="{job.id}-metrics.csv"'.encode()
        headers = ((b"content-type", b"text/csv; charset=utf-8"), (b"content-disposition", name))
        return StreamReply(_csv(request, job), headers=headers)
    return StreamReply(_json(request, job), headers=((b"content-type", b"application/json"),))


async def _json(request: HttpRequest, job: Job) -> AsyncIterator[bytes]:
    yield b'{"object":"fine_tuning.job.metrics","job_id":%s,"data":[' % encode(job.id)
    comma = b""
    async for batch in _batches(request, job):
        rows = b",".join(encode(_row(event)) for event in batch)
        yield comma + rows
        comma = b","
    yield b"]}"


async def _csv(request: HttpRequest, job: Job) -> AsyncIterator[bytes]:
    yield (",".join(COLUMNS) + "\n").encode()
    async for batch in _batches(request, job):
        text = io.StringIO()
        writer: csv.DictWriter[str] = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writerows(_row(event) for event in batch)
        yield text.getvalue().encode()


async def _batches(request: HttpRequest, job: Job) -> AsyncIterator[list[Event]]:
    """Yield the metrics events, some hundred at a time; never an empty batch."""
    sequence = 0
    while events := await runtime_of(request).jobs.events_from(job.id, sequence, _AT_ONCE):
        sequence = events[-1].sequence + 1
        if batch := [event for event in events if event.type == "metrics"]:
            yield batch


def _row(event: Event) -> dict[str, Any]:
    return {**event.data, "created_at": event.created_at}
