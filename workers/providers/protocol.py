"""The one interface to whoever trains and serves models. `tests/contract` runs one suite on every implementation."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, cast, get_args

import msgspec

from service.core.remote import (
    Capabilities,
    CreateRequest,
    RemoteCheckpoint,
    RemoteEvent,
    RemoteJob,
    RemoteModel,
    ResultFile,
    SentParts,
)

Reason = Literal[
    "refused", "not_found", "unauthorized", "closed", "quota", "daily_limit", "concurrent_limit", "rate_limited",
    "unavailable", "unclear", "bad_answer", "unsupported", "not_ready",
]  # fmt: skip


UNREAD = "unread"
"""The raw status of a job that a round had no request left for: nothing is known of it."""


def as_reason(text: str) -> Reason:
    """Return a kept reason; one that only another version knows counts as an outage."""
    return cast("Reason", text) if text in get_args(Reason) else "unavailable"


class ProviderError(Exception):
    """A call that failed.

    `reason` sorts the failure; `retryable` says whether the same call may succeed later; `retry_after_s` is the pause
    that the provider asked for. `executed` is False when the provider surely did nothing, True when it may have.
    `message` is ours or the provider's own words, shortened, never a key.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        retryable: bool,
        retry_after_s: float | None = None,
        executed: bool = False,
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        self.executed = executed
        self.code = code
        self.param = param


class UploadJournal(Protocol):
    """Where is noted how far an upload got, so that another worker can take it up."""

    async def read(self) -> SentParts | None:
        """Return what was noted last."""
        ...

    async def write(self, sent: SentParts | None) -> None:
        """Note it; None for an upload that has ended."""
        ...


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset on this machine's disk. `sha256` and `bytes` were checked by the caller.

    Without a `journal` an upload that broke off is begun anew.
    """

    path: Path
    filename: str
    sha256: str
    bytes: int
    journal: UploadJournal | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to a chat or completion call, passed on as it comes: status, content type, and the body's chunks."""

    status: int
    content_type: str
    body: AsyncIterator[bytes]


class FineTuner(Protocol):
    """One configured provider. Methods raise ProviderError and nothing else."""

    name: str
    capabilities: Capabilities

    async def upload(self, upload: Upload) -> str:
        """Make the bytes available to the provider and return its file id; the same bytes twice are one file."""
        ...

    async def create(self, request: CreateRequest) -> RemoteJob:
        """Create one job; called only after `find` came back empty. Never retries by itself."""
        ...

    async def find(self, mark: str, *, since: float) -> list[RemoteJob]:
        """Return all jobs that bear our mark, created since `since` (less a margin), the one to keep first.

        The mark is checked here, whatever the provider says to a filter.
        """
        ...

    async def poll(self, remote_ids: Sequence[str], *, met: list[RemoteJob] | None = None) -> dict[str, RemoteJob]:
        """Read many jobs in as few requests as can be; an id that the provider does not know is left out.

        To `met` is added what came by that was not asked for and bears a mark in our form; asking for it has one job
        alone read from a list, too.
        """
        ...

    async def events(self, remote_id: str, *, after: str | None) -> list[RemoteEvent]:
        """Return events newer than the cursor `after`, oldest first; at most 1,000 a call."""
        ...

    async def checkpoints(self, remote_id: str) -> list[RemoteCheckpoint]:
        """Return the job's checkpoints, newest first."""
        ...

    async def cancel(self, remote_id: str) -> RemoteJob:
        """Ask for the end of the job and return its state; a job that has ended is returned as it is."""
        ...

    async def pause(self, remote_id: str) -> RemoteJob:
        """Ask the job to stop at its next checkpoint."""
        ...

    async def resume(self, remote_id: str) -> RemoteJob:
        """Let a paused job go on."""
        ...

    async def results(self, job: RemoteJob) -> list[ResultFile]:
        """Fetch the job's result files."""
        ...

    async def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; one that is not there is no error."""
        ...

    async def delete_model(self, model: str) -> None:
        """Delete a tuned model; one that is not there is no error."""
        ...

    async def collect(self, is_needed: Callable[[str], Awaitable[bool]], *, older_than: float) -> int:
        """Remove what jobs that ended before Unix second `older_than` left here and nobody needs; return how many.

        `is_needed` is asked with the mark of each such job. A remote provider keeps its own house: nothing to do.
        """
        ...

    async def models(self) -> list[RemoteModel]:
        """List the models that the provider offers to this key."""
        ...

    async def call(self, path: str, body: bytes) -> Reply:
        """Pass a POST on: `path` is `chat/completions` or `completions`, `body` JSON with the provider's model name."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...
