"""The provider `openai`: any endpoint that speaks OpenAI's fine-tuning API, through the SDK."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from service.core.remote import (
    Capabilities,
    CreateRequest,
    RemoteCheckpoint,
    RemoteEvent,
    RemoteJob,
    RemoteModel,
    ResultFile,
)
from service.settings import ProviderSettings
from workers.providers.gate import Gate, OpenGate
from workers.providers.openai_calls import call
from workers.providers.openai_connection import Connection, Page, items
from workers.providers.openai_files import Files
from workers.providers.openai_history import History, NotOffered
from workers.providers.openai_jobs import Jobs
from workers.providers.openai_requests import check_options, create_body
from workers.providers.openai_wire import METADATA_MARK, ModelWire, csv_of, honours_idempotency, job_of, model_of
from workers.providers.presets import TARGETS, capabilities_of
from workers.providers.protocol import ProviderError, Reply, Upload

_T = TypeVar("_T")
_ENDED = frozenset({"succeeded", "failed", "cancelled"})


class OpenAIFineTuner:
    """Implements FineTuner on one target. What a target turns out not to offer is remembered in `capabilities`."""

    def __init__(self, name: str, settings: ProviderSettings, gate: Gate | None = None) -> None:
        self.name = name
        self.capabilities: Capabilities = capabilities_of(settings)
        self._settings = settings
        self._target = TARGETS[settings.preset]
        self._connection = Connection(name, settings, gate or OpenGate())
        self._files = Files(
            self._connection, uploads=self.capabilities.uploads, max_file_bytes=self.capabilities.max_file_bytes
        )
        self._jobs = Jobs(self._connection)
        self._history = History(self._connection)
        self._metadata_proven = self._target.metadata_proven
        self._probed = False

    async def upload(self, upload: Upload) -> str:
        """Upload once; see Files.upload."""
        await self._probe()
        return await self._files.upload(upload)

    async def create(self, request: CreateRequest) -> RemoteJob:
        """Create one job, once, with our id as mark and `Idempotency-Key`. Raises ProviderError.

        `executed` is True in the error whenever the target may have made the job.
        """
        check_options(request.provider_options)
        await self._probe()
        if not self._metadata_proven:
            await self._look_for_metadata()
        body = create_body(
            request,
            in_metadata=self.capabilities.keeps_metadata,
            in_suffix=not self._metadata_proven,
            top_level_hyperparameters=self._target.top_level_hyperparameters,
            extra_body=self._settings.extra_body,
        )
        jobs = self._connection.sdk.fine_tuning.jobs.with_raw_response
        model, file = body.pop("model"), body.pop("training_file")
        headers = {"Idempotency-Key": request.mark}
        try:
            content = await self._connection.write(
                lambda: jobs.create(model=model, training_file=file, extra_body=body, extra_headers=headers),
                creates=True,
            )
        except ProviderError as error:
            raise self._without_metadata(error) from error
        wire = self._jobs.job(content, write=True)
        self._metadata_proven = self._metadata_proven or METADATA_MARK in wire.pairs
        return replace(job_of(wire), mark=request.mark)

    def _without_metadata(self, error: ProviderError) -> ProviderError:
        """Turn a refusal of the member `metadata` into "try again", with the mark in the suffix from then on."""
        refused = error.reason == "refused" and "metadata" in f"{error.param} {error.message}".lower()
        if not refused or self._target.metadata_proven or not self.capabilities.keeps_metadata:
            return error
        self.capabilities = replace(self.capabilities, keeps_metadata=False, metadata_filter=False)
        return ProviderError("unavailable", error.message, retryable=True, retry_after_s=1.0, code=error.code)

    async def _look_for_metadata(self) -> None:
        """Take any listed job with metadata as the proof that this target keeps it."""
        async for page in self._jobs.pages(limit=20):
            self._metadata_proven = any(job.pairs for job in page)
            return

    async def find(self, mark: str, *, since: float) -> list[RemoteJob]:
        """Look for the jobs that bear `mark`; neither a training file nor anything else makes a job ours."""
        try:
            return await self._jobs.find(mark, since=since, metadata_filter=self.capabilities.metadata_filter)
        except ProviderError as error:
            if error.reason != "refused" or not self.capabilities.metadata_filter:
                raise
        self.capabilities = replace(self.capabilities, metadata_filter=False)
        return await self._jobs.find(mark, since=since, metadata_filter=False)

    async def poll(self, remote_ids: Sequence[str], *, met: list[RemoteJob] | None = None) -> dict[str, RemoteJob]:
        """Read many jobs; see Jobs.poll."""
        return await self._jobs.poll(remote_ids, met=met)

    async def events(self, remote_id: str, *, after: str | None) -> list[RemoteEvent]:
        """Return newer events, oldest first; none where the target has no events."""
        if not self.capabilities.events:
            return []
        return await self._offered("events", remote_id, self._history.events(remote_id, after=after)) or []

    async def checkpoints(self, remote_id: str) -> list[RemoteCheckpoint]:
        """Return checkpoints, newest first; none where the target has none."""
        if not self.capabilities.checkpoints:
            return []
        return await self._offered("checkpoints", remote_id, self._history.checkpoints(remote_id)) or []

    async def _offered(
        self, what: Literal["events", "checkpoints"], remote_id: str, reading: Awaitable[list[_T]]
    ) -> list[_T] | None:
        try:
            return await reading
        except NotOffered as missing:
            if not missing.sure and await self._jobs.retrieve(remote_id) is None:
                raise ProviderError(
                    "not_found", f"Provider {self.name} does not know the job.", retryable=False
                ) from missing
        self.capabilities = (
            replace(self.capabilities, events=False)
            if what == "events"
            else replace(self.capabilities, checkpoints=False)
        )
        return None

    async def cancel(self, remote_id: str) -> RemoteJob:
        """Cancel; a job that has ended is returned as it is."""
        return await self._steer(remote_id, self._connection.sdk.fine_tuning.jobs.with_raw_response.cancel, _ENDED)

    async def pause(self, remote_id: str) -> RemoteJob:
        """Pause; a job that is paused or has ended is returned as it is. "unsupported" where the target can't."""
        self._check_pause()
        api = self._connection.sdk.fine_tuning.jobs.with_raw_response.pause
        return await self._steer(remote_id, api, _ENDED | {"paused"}, pause=True)

    async def resume(self, remote_id: str) -> RemoteJob:
        """Resume; a job that runs, waits or has ended is returned as it is."""
        self._check_pause()
        api = self._connection.sdk.fine_tuning.jobs.with_raw_response.resume
        return await self._steer(remote_id, api, _ENDED | {"running", "queued", "validating_files"}, pause=True)

    def _check_pause(self) -> None:
        if not self.capabilities.pause:
            raise ProviderError("unsupported", f"Provider {self.name} can't pause jobs.", retryable=False)

    async def _steer(
        self, remote_id: str, verb: Callable[[str], Awaitable[Any]], fine: frozenset[str], *, pause: bool = False
    ) -> RemoteJob:
        """Send `verb`; after a refusal return the job if it already is in a state that the verb could wish for."""
        try:
            return job_of(self._jobs.job(await self._connection.write(lambda: verb(remote_id)), write=True))
        except ProviderError as error:
            if error.reason not in {"refused", "unclear", "not_found", "unsupported"}:
                raise
            wire = await self._jobs.retrieve(remote_id)
            if wire is None:
                raise
            job = job_of(wire)
            if job.status in fine:
                return job
            if pause and error.reason in {"not_found", "unsupported"}:
                self.capabilities = replace(self.capabilities, pause=False)
                self._check_pause()
            raise

    async def results(self, job: RemoteJob) -> list[ResultFile]:
        """Fetch the result files, decoded from base64 where they are wrapped so."""
        contents = [csv_of(await self._files.result(file_id)) for file_id in job.result_files]
        names = ["step_metrics.csv", *(f"step_metrics_{n}.csv" for n in range(2, len(contents) + 1))]
        return [ResultFile(filename=name, content=content) for name, content in zip(names, contents, strict=False)]

    async def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; one that is not there is no error."""
        await self._files.delete(file_id)

    async def delete_model(self, model: str) -> None:
        """Delete a tuned model; one that is not there is no error."""
        try:
            await self._connection.write(lambda: self._connection.sdk.models.with_raw_response.delete(model))
        except ProviderError as error:
            if error.reason != "not_found":
                raise

    async def collect(self, is_needed: Callable[[str], Awaitable[bool]], *, older_than: float) -> int:
        """Leave everything to the provider."""
        del is_needed, older_than
        return 0

    async def models(self) -> list[RemoteModel]:
        """List models, and learn from them whether the target honours `Idempotency-Key`."""
        content = await self._connection.read(lambda: self._connection.sdk.models.with_raw_response.list())
        page = self._connection.decode(content, Page, "a list of models")
        wires = items(page.data, ModelWire)
        self._probed = True
        if honours_idempotency(page.tunewright) or any(honours_idempotency(wire.tunewright) for wire in wires):
            settle_s = self._settings.settle_s
            self.capabilities = replace(self.capabilities, settle_s=0.0 if settle_s is None else settle_s)
        return [model_of(wire) for wire in wires]

    async def _probe(self) -> None:
        """Ask once what the target promises; one that does not answer is asked again at the next call."""
        if self._probed:
            return
        try:
            await self.models()
        except ProviderError as error:
            if error.reason in {"not_found", "unsupported", "refused", "bad_answer"}:
                self._probed = True
            elif not error.retryable:
                raise

    async def call(self, path: str, body: bytes) -> Reply:
        """Pass a POST on as raw bytes, streamed back as they come."""
        return await call(self._connection, path, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()
