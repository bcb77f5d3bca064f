"""Provider `local`: training on this machine. A job is a run directory that the `train` role works on.

`create` is idempotent: the run's id follows from our mark, so that a second create finds the first one's run. Datasets
are linked, not copied, where the disk allows it; a run holds links of its own, so that deleting a file harms no run.
"""

import asyncio
import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from service.core import clock
from service.core.errors import NotFound
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
from service.settings import Settings
from workers.providers import local_chat, local_files
from workers.providers.local_files import count_lines, link
from workers.providers.protocol import ProviderError, Reply, Upload
from workers.training.engine import Engine
from workers.training.engines import base_of, engine_for
from workers.training.local_models import LocalModels, checkpoint_names, runs_folder
from workers.training.run_directory import RunDirectory, sync
from workers.training.spec import TERMINAL, Control, RunSpec, RunState, Want

_CAPABILITIES = Capabilities(settle_s=0.0, poll_interval_s=1.0, max_file_bytes=8_000_000_000)
_OPTIONS = {"min_step_seconds"}
_EVENTS_A_CALL = 1_000


class LocalFineTuner:
    """See `protocol.FineTuner`."""

    capabilities = _CAPABILITIES

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        data_dir = settings.data_dir.absolute()
        self._organization = settings.organization
        self._files = data_dir / "local" / "files"
        self._runs = runs_folder(data_dir)
        self._models = LocalModels(data_dir)

    async def upload(self, upload: Upload) -> str:
        """Link the dataset under its hash."""
        return await asyncio.to_thread(self._upload, upload)

    def _upload(self, upload: Upload) -> str:
        self._files.mkdir(parents=True, exist_ok=True)
        link(upload.path, self._files / upload.sha256)
        return f"file-{upload.sha256}"

    async def create(self, request: CreateRequest) -> RemoteJob:
        """Make the run directory whole, then visible by one rename."""
        return await asyncio.to_thread(self._create, request)

    def _create(self, request: CreateRequest) -> RemoteJob:
        path = self._runs / run_id_of(request.mark)
        if not path.exists():
            self._runs.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self._runs))
            try:
                self._fill(draft, path.name, request)
                draft.rename(path)
                sync(self._runs)
            except OSError as error:
                shutil.rmtree(draft, ignore_errors=True)
                if not path.exists():
                    raise ProviderError("unavailable", f"Can't create the run: {error}", retryable=True) from error
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        return _job(RunDirectory(path))

    def _fill(self, draft: Path, run_id: str, request: CreateRequest) -> None:
        training = self._file(request.training_file, "training_file")
        link(training, draft / "training.jsonl")
        if request.validation_file:
            link(self._file(request.validation_file, "validation_file"), draft / "validation.jsonl")
        run = RunDirectory(draft)
        (draft / "spec.json").write_bytes(msgspec.json.encode(self._spec(run_id, request, training)))
        run.write_state(RunState())
        run.write_control(Control())

    def _spec(self, run_id: str, request: CreateRequest, training: Path) -> RunSpec:
        method = request.method.type
        if method == "reinforcement":
            raise ProviderError("unsupported", "The local tiny engine trains supervised and dpo only.", retryable=False)
        if unknown := request.provider_options.keys() - _OPTIONS:
            message = f"Unknown local provider option {min(unknown)!r}; known: {', '.join(sorted(_OPTIONS))}."
            raise ProviderError("refused", message, retryable=False, param="tunewright.provider_options")
        numbers = self._engine(request.model).resolve(
            request.method.hyperparameters, method=method, examples=max(1, count_lines(training))
        )
        tuned = request.model.startswith("ft:")
        return RunSpec(
            run_id=run_id,
            mark=request.mark,
            model=base_of(request.model),
            parent=request.model if tuned else None,
            org=self._organization,
            training_path="training.jsonl",
            training_file=request.training_file,
            validation_path="validation.jsonl" if request.validation_file else None,
            method=method,
            n_epochs=numbers.n_epochs,
            batch_size=numbers.batch_size,
            learning_rate_multiplier=numbers.learning_rate_multiplier,
            beta=numbers.beta,
            seed=request.seed,
            suffix=request.suffix,
            created_at=clock.now(),
            metadata=request.metadata,
            engine_options=request.provider_options,
            tokens_per_epoch=request.tokens_per_epoch,
            priority=request.priority,
        )

    def _engine(self, model: str) -> Engine:
        try:
            return engine_for(model)
        except NotFound as error:
            raise ProviderError("not_found", error.message, retryable=False, code=error.code, param="model") from error

    def _file(self, file_id: str, param: str) -> Path:
        path = self._files / file_id.removeprefix("file-")
        if not file_id.removeprefix("file-").isalnum() or not path.is_file():
            raise ProviderError("not_found", f"No such file: {file_id}", retryable=False, param=param)
        return path

    async def find(self, mark: str, *, since: float) -> list[RemoteJob]:  # noqa: ARG002 - a run is found by its id alone
        """Look for the run that our mark names; there can be no second one."""
        run = RunDirectory(self._runs / run_id_of(mark))
        return await asyncio.to_thread(lambda: [_job(run)] if run.path.is_dir() else [])

    async def poll(self, remote_ids: Sequence[str], *, met: list[RemoteJob] | None = None) -> dict[str, RemoteJob]:
        """Read the state files; a mark names one run, so that no other is ever met."""
        del met
        return await asyncio.to_thread(self._poll, remote_ids)

    def _poll(self, remote_ids: Sequence[str]) -> dict[str, RemoteJob]:
        found: dict[str, RemoteJob] = {}
        for remote_id in remote_ids:
            with contextlib.suppress(ProviderError):
                found[remote_id] = _job(self._run(remote_id))
        return found

    def _run(self, remote_id: str) -> RunDirectory:
        run = RunDirectory(self._runs / remote_id)
        if not remote_id.startswith("ftrun-") or not remote_id[6:].isalnum() or not run.path.is_dir():
            raise ProviderError("not_found", f"No such run: {remote_id}", retryable=False)
        return run

    async def events(self, remote_id: str, *, after: str | None) -> list[RemoteEvent]:
        """Read the log from behind the cursor; an event's id is the run's with its number."""
        run = self._run(remote_id)
        first = 0 if after is None else int(after.rpartition("-")[2]) + 1
        found = await asyncio.to_thread(run.events, first, _EVENTS_A_CALL)
        return [
            RemoteEvent(
                id=f"{remote_id}-{event.seq}",
                created_at=event.created_at,
                level=event.level,
                message=event.message,
                type=event.type,
                data=event.data,
            )
            for event in found
        ]

    async def checkpoints(self, remote_id: str) -> list[RemoteCheckpoint]:
        """List the epoch checkpoints, newest first."""
        return await asyncio.to_thread(self._checkpoints, self._run(remote_id))

    def _checkpoints(self, run: RunDirectory) -> list[RemoteCheckpoint]:
        metas = run.checkpoints()
        names = checkpoint_names(run.spec().tuned_name, [meta.step for meta in metas])
        return [
            RemoteCheckpoint(
                id=f"{run.run_id}-step-{meta.step}",
                created_at=int(meta.created_at),
                model=name,
                step_number=meta.step,
                metrics=meta.metrics,
            )
            for meta, name in zip(metas, names, strict=True)
        ]

    async def cancel(self, remote_id: str) -> RemoteJob:
        """Ask for the end; the state shows it as soon as the run has seen the wish."""
        return await asyncio.to_thread(self._wish, remote_id, "cancel")

    async def pause(self, remote_id: str) -> RemoteJob:
        """Ask the run to save and stop after the present step."""
        return await asyncio.to_thread(self._wish, remote_id, "pause")

    async def resume(self, remote_id: str) -> RemoteJob:
        """Let a paused run go on, or withdraw a pause not yet reached."""
        return await asyncio.to_thread(self._wish, remote_id, "run")

    def _wish(self, remote_id: str, want: Want) -> RemoteJob:
        run = self._run(remote_id)
        if run.state().status not in TERMINAL and run.control().want not in {"cancel", want}:
            run.write_control(Control(want=want))
        return _job(run)

    async def results(self, job: RemoteJob) -> list[ResultFile]:
        """Read the CSV of measures, plain."""
        path = self._run(job.id).results_path
        try:
            content = await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            return []
        return [ResultFile(filename="step_metrics.csv", content=content)]

    async def delete_file(self, file_id: str) -> None:
        """Remove the link; runs keep theirs."""
        with contextlib.suppress(ProviderError, FileNotFoundError):
            self._file(file_id, "file").unlink()

    async def delete_model(self, model: str) -> None:
        """Delete a model's weights; one that is not there is no error."""
        with contextlib.suppress(NotFound):
            await asyncio.to_thread(self._models.delete, model)

    async def collect(self, is_needed: Callable[[str], Awaitable[bool]], *, older_than: float) -> int:
        """Remove runs without a needed model, and dataset links that are the last name of their bytes."""
        count = 0
        for run in await asyncio.to_thread(local_files.ended_runs, self._runs, older_than):
            if not await is_needed(run.spec().mark):
                count += await asyncio.to_thread(local_files.remove_run, run)
        return count + await asyncio.to_thread(local_files.remove_files, self._files, older_than)

    async def models(self) -> list[RemoteModel]:
        """List base models and tuned ones that answer."""
        found = await asyncio.to_thread(self._models.listed)
        return [RemoteModel(id=m.id, created=m.created, owned_by=self._organization) for m in found]

    async def call(self, path: str, body: bytes) -> Reply:
        """Answer from local weights, in this process: call it where models may be loaded (`inference`)."""
        return await local_chat.reply(self._models, path, body)

    async def aclose(self) -> None:
        """Nothing is open."""


def run_id_of(mark: str) -> str:
    """Return the id of the run that belongs to our job `mark`."""
    return "ftrun-" + hashlib.sha256(mark.encode()).hexdigest()[:24]


def _job(run: RunDirectory) -> RemoteJob:
    spec, state, want = run.spec(), run.state(), run.control().want
    status = "queued" if state.status == "paused" and want == "run" else state.status
    return RemoteJob(
        id=spec.run_id,
        status=status,
        raw_status=status,
        mark=spec.mark,
        model=spec.parent or spec.model,
        fine_tuned_model=state.fine_tuned_model,
        training_file=spec.training_file,
        trained_tokens=state.trained_tokens,
        hyperparameters=Hyperparameters(
            n_epochs=spec.n_epochs,
            batch_size=spec.batch_size,
            learning_rate_multiplier=spec.learning_rate_multiplier,
            beta=spec.beta,
        ),
        seed=spec.seed,
        error=state.error,
        result_files=(f"{spec.run_id}-results",) if state.status == "succeeded" else (),
        created_at=spec.created_at,
        started_at=state.started_at,
        interrupted=state.interrupted,
        finished_at=state.finished_at,
        estimated_finish=state.estimated_finish,
    )
