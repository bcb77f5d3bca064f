"""Events and checkpoints of a job at an OpenAI-shaped endpoint."""

from collections.abc import Callable
from typing import Any, Literal

import openai

from service.core.remote import RemoteCheckpoint, RemoteEvent
from workers.providers.openai_connection import Connection, Page, items
from workers.providers.openai_wire import CheckpointWire, EventWire, checkpoint_of, event_of
from workers.providers.protocol import ProviderError

_PAGE = 100
_MAX_PAGES = 200
_MAX_EVENTS = 1_000
_MAX_CHECKPOINT_PAGES = 10


class NotOffered(Exception):
    """The target has no such route, or something else behind it; not `sure`: the job may be what is missing."""

    def __init__(self, *, sure: bool) -> None:
        super().__init__()
        self.sure = sure


class History:
    """Event and checkpoint reads at one target."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def events(self, remote_id: str, *, after: str | None) -> list[RemoteEvent]:
        """Return at most 1,000 events newer than the cursor, oldest first. Raises NotOffered.

        Targets list newest first, and some draw new ids for every list, so an event is new while neither the cursor's
        id nor an older second has come up. More than 20,000 unread events lose the oldest of them.
        """
        jobs = self._connection.sdk.fine_tuning.jobs.with_raw_response
        newest_first: list[RemoteEvent] = []
        seen: set[str] = set()
        cursor: Any = openai.omit
        for _ in range(_MAX_PAGES):
            page = await self._page(lambda c=cursor: jobs.list_events(remote_id, after=c, limit=_PAGE), "event")
            wires = items(page.data, EventWire)
            events = [event for event in map(event_of, wires) if event.id not in seen]
            fresh = _until(events, after)
            newest_first += fresh
            seen.update(event.id for event in events)
            if not events or len(fresh) < len(events) or page.has_more is False or not isinstance(wires[-1].id, str):
                break
            cursor = wires[-1].id
        return newest_first[::-1][:_MAX_EVENTS]

    async def checkpoints(self, remote_id: str) -> list[RemoteCheckpoint]:
        """Return the job's checkpoints, newest first. Raises NotOffered."""
        api = self._connection.sdk.fine_tuning.jobs.checkpoints.with_raw_response
        found: dict[str, RemoteCheckpoint] = {}
        cursor: Any = openai.omit
        for _ in range(_MAX_CHECKPOINT_PAGES):
            page = await self._page(lambda c=cursor: api.list(remote_id, after=c, limit=_PAGE), "checkpoint")
            fresh = [c for c in items(page.data, CheckpointWire) if c.id not in found]
            found.update({wire.id: checkpoint_of(wire) for wire in fresh})
            if not fresh or page.has_more is not True:
                break
            cursor = fresh[-1].id
        return sorted(found.values(), key=lambda checkpoint: -checkpoint.step_number)

    async def _page(self, request: Callable[[], Any], kind: Literal["event", "checkpoint"]) -> Page:
        try:
            content = await self._connection.read(request)
        except ProviderError as error:
            if error.reason in {"unsupported", "not_found"}:
                raise NotOffered(sure=error.reason == "unsupported") from error
            raise
        answer = self._connection.decode(content, dict[str, Any], f"a list of {kind}s")
        if not isinstance(answer.get("data"), list) or answer.get("object") not in (None, "list"):
            raise NotOffered(sure=True)  # LiteLLM answers this route with the job itself
        return self._connection.decode(content, Page, f"a list of {kind}s")


def _until(events: list[RemoteEvent], after: str | None) -> list[RemoteEvent]:
    """Return the leading events that are newer than the cursor."""
    if after is None:
        return events
    second, _, _ = after.partition(":")
    floor = int(second) if second.isdigit() else 0
    for position, event in enumerate(events):
        if event.id == after or event.created_at < floor:
            return events[:position]
    return events
