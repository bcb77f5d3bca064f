"""A provider in memory that keeps the protocol's promises, and a ledger of what it was asked."""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from service.core.jobs import Hyperparameters
from service.core.remote import (
    Capabilities,
    CreateRequest,
    RemoteCheckpoint,
    RemoteEvent,
    RemoteJob,
    RemoteModel,
    ResultFile,
)
from workers.providers.protocol import FineTuner, ProviderError, Reply, Upload


class FakeProvider:
    """Jobs go on only when the test says so. `fail_next` maps a method to the error that its next call raises."""

    def __init__(self, name: str = "local", settle_s: float = 0.0) -> None:
        self.name = name
        self.capabilities = Capabilities(settle_s=settle_s, poll_interval_s=0.5)
        self.uploads: list[str] = []
        self.created: list[CreateRequest] = []
        self.calls: list[str] = []
        self.jobs: dict[str, RemoteJob] = {}
        self.history: dict[str, list[RemoteEvent]] = {}
        self.fail_next: dict[str, ProviderError] = {}
        self.create_then_fail = False

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if error := self.fail_next.pop(method, None):
            raise error

    def move(self, status: str, **facts: object) -> None:
        """Set the state of the only job."""
        (job_id,) = self.jobs
        self.jobs[job_id] = msgspec.structs.replace(self.jobs[job_id], status=status, raw_status=status, **facts)

    async def upload(self, upload: Upload) -> str:
        self._called("upload")
        self.uploads.append(upload.sha256)
        return f"remote-{upload.sha256[:8]}"

    async def create(self, request: CreateRequest) -> RemoteJob:
        self._called("create")
        self.created.append(request)
        job_id = f"remote-{len(self.created)}"
        numbers = Hyperparameters(n_epochs=3, batch_size=1, learning_rate_multiplier=1.0)
        job = RemoteJob(id=job_id, status="queued", raw_status="queued", mark=request.mark, hyperparameters=numbers)
        self.jobs[job_id] = job
        self.history[job_id] = []
        if self.create_then_fail:
            self.create_then_fail = False
            raise ProviderError("unclear", "the answer was lost", retryable=True, executed=True)
        return job

    async def find(self, mark: str, *, since: float) -> list[RemoteJob]:
        self._called("find")
        return [job for job in self.jobs.values() if job.mark == mark]

    async def poll(self, remote_ids: Sequence[str], *, met: list[RemoteJob] | None = None) -> dict[str, RemoteJob]:
        self._called("poll")
        if met is not None:
            met += [job for job in self.jobs.values() if job.id not in remote_ids]
        return {job_id: self.jobs[job_id] for job_id in remote_ids if job_id in self.jobs}

    async def events(self, remote_id: str, *, after: str | None) -> list[RemoteEvent]:
        self._called("events")
        known = self.history[remote_id]
        ids = [event.id for event in known]
        return known[ids.index(after) + 1 :] if after in ids else known

    async def checkpoints(self, remote_id: str) -> list[RemoteCheckpoint]:
        self._called("checkpoints")
        return [RemoteCheckpoint(id="c1", created_at=1, model="ft:tuned", step_number=30, metrics={"step": 30})]

    async def cancel(self, remote_id: str) -> RemoteJob:
        self._called("cancel")
        self.move("cancelled")
        return self.jobs[remote_id]

    async def pause(self, remote_id: str) -> RemoteJob:
        self._called("pause")
        return self.jobs[remote_id]

    async def resume(self, remote_id: str) -> RemoteJob:
        self._called("resume")
        self.move("queued")
        return self.jobs[remote_id]

    async def results(self, job: RemoteJob) -> list[ResultFile]:
        self._called("results")
        return [ResultFile(filename="results.csv", content=b"step,train_loss\n1,0.5\n")]

    async def delete_file(self, file_id: str) -> None:
        self._called("delete_file")

    async def delete_model(self, model: str) -> None:
        self._called("delete_model")

    async def collect(self, is_needed: Callable[[str], Awaitable[bool]], *, older_than: float) -> int:
        self._called("collect")
        gone = [job.id for job in self.jobs.values() if job.mark and not await is_needed(job.mark)]
        for job_id in gone:
            del self.jobs[job_id]
        return len(gone)

    async def models(self) -> list[RemoteModel]:
        return [RemoteModel(id="tunewright-tiny")]

    async def call(self, path: str, body: bytes) -> Reply:
        raise ProviderError("unsupported", "no chat here", retryable=False)

    async def aclose(self) -> None:
        return


class FakeProviders:
    """The registry's face over given providers."""

    def __init__(self, *providers: FakeProvider) -> None:
        self._by_name = {provider.name: provider for provider in providers}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    def get(self, name: str) -> FineTuner:
        return self._by_name[name]
