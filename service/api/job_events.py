"""A job's events: OpenAI's list, and the same as server-sent events that can be resumed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from service.api import queries
from service.api.context import HttpRequest, runtime_of
from service.api.job_reading import find_job
from service.api.replies import StreamReply, encode, json_reply, page
from service.core.errors import InvalidRequest
from service.core.jobs import Event, Job, event_id, event_sequence

HEARTBEAT_S = 15.0
_PAGE, _MOST = 20, 1_000
_AT_ONCE = 500
_HEADERS = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))


class EventOut(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's event object."""

    id: str
    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any]

    @classmethod
    def of(cls, job_id: str, event: Event) -> "EventOut":
        """Map an event of a job."""
        return cls(
            id=event_id(job_id, event.sequence),
            created_at=event.created_at,
            level=event.level,
            message=event.message,
            type=event.type,
            data=event.data,
        )


@get("/{job_id:str}/events")
async def list_events(request: HttpRequest, job_id: FromPath[str]) -> ASGIApp:
    """List events, newest first; with `Accept: text/event-stream` send them oldest first as they happen."""
    job = await find_job(request, job_id)
    if "text/event-stream" in request.headers.get("accept", ""):
        return StreamReply(_sent_events(request, job, _start(request, job)), headers=_HEADERS)
    found, has_more = await runtime_of(request).jobs.events(
        job, after=queries.after_of(request), limit=queries.limit_of(request, _PAGE, _MOST)
    )
    return json_reply(page([EventOut.of(job.id, event) for event in found], has_more))


def _start(request: HttpRequest, job: Job) -> int:
    """Return the number of the first event to send: the one behind `Last-Event-ID`, else behind `after`."""
    given = {"Last-Event-ID": request.headers.get("last-event-id"), "after": queries.after_of(request)}
    for name, last in given.items():
        if last:
            sequence = event_sequence(job.id, last)
            if sequence is None:
                raise InvalidRequest(f"{name} {last[:100]!r} is no event of this job.", param=name)
            return sequence + 1
    return 0


async def _sent_events(request: HttpRequest, job: Job, sequence: int) -> AsyncIterator[bytes]:
    """Yield events from number `sequence` on, comments in pauses, and `[DONE]` after the last of an ended job.

    No blank line follows what is no event: the SDK's `Stream` would take that for an event without data (3.54).
    """
    runtime, loop = runtime_of(request), asyncio.get_running_loop()
    quiet_since = loop.time()
    yield b"retry: 1000\n"
    while True:
        is_over = job.is_terminal
        events = await runtime.jobs.events_from(job.id, sequence, _AT_ONCE)
        for event in events:
            yield _sent(job.id, event)
            sequence = event.sequence + 1
        if events:
            quiet_since = loop.time()
        elif is_over:
            yield b"data: [DONE]\n\n"
            return
        else:
            await runtime.changes.wait(job.id, HEARTBEAT_S)
        if loop.time() - quiet_since >= HEARTBEAT_S:
            quiet_since = loop.time()
            yield b": still there\n"
        job = await find_job(request, job.id)


def _sent(job_id: str, event: Event) -> bytes:
    out = EventOut.of(job_id, event)
    return b"id: %s\ndata: %s\n\n" % (out.id.encode(), encode(out))
