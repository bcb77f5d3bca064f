"""The end of a job: fetch everything that the provider left, keep it, and write the final state in one change."""

import msgspec

from service.core import clock, durations, ids, moves
from service.core.catalogue import base_of
from service.core.files import RESULTS, FileRecord
from service.core.jobs import Change, Checkpoint, Job, JobError, NewEvent
from service.core.models import TunedModel
from service.core.remote import RemoteCheckpoint, RemoteJob, ResultFile
from service.store import durations as kept_durations
from service.store.due import Claim
from service.store.files import queue_create
from service.store.redis import Pipeline
from workers.context import Context
from workers.providers.protocol import FineTuner, ProviderError, Reason
from workers.steps.failures import pause_after

_EVENT_ROUNDS = 1000
_LOST: frozenset[Reason] = frozenset({"not_found", "refused", "bad_answer", "unsupported"})


async def run(context: Context, claim: Claim, job: Job, *, refused: bool = False) -> float | None:
    """End the job if its remote job has ended; else leave it to the poll.

    `refused` says that the provider turned a wish down: the wish is dropped if the job goes on.
    """
    remote_id = job.remote.job_id
    if remote_id is None:
        return None
    provider = context.provider_of(job)
    try:
        seen = (await provider.poll([remote_id])).get(remote_id)
        if seen is None:
            return None
        if seen.status not in {"succeeded", "failed", "cancelled"}:
            if refused:
                await context.advance(claim, job, moves.drop_wish(job))
            return None
        job = await _last_events(context, claim, job)
        checkpoints = kept_checkpoints(job, await provider.checkpoints(remote_id))
        results = await _results(provider, seen)
    except ProviderError as error:
        return await pause_after(context, claim, error)
    files = [await _store(context, result.filename, result.content) for result in results or ()]
    ended = moves.finished(job, checkpoints, tuple(file.id for file in files), seen)
    took = durations.past_run(ended, seen.started_at, seen.finished_at) if seen.status == "succeeded" else None
    change = _end(ended, seen) if results is not None else _without_results(_end(ended, seen))

    def also(pipe: Pipeline) -> None:
        for file in files:
            queue_create(pipe, file)
        if took is not None:
            kept_durations.note(pipe, ended, took)

    await context.runtime.jobs.advance(job, change, claim=claim, models=models_of(ended, ended.checkpoints), also=also)
    return None


async def _results(provider: FineTuner, seen: RemoteJob) -> list[ResultFile] | None:
    """Return the result files, None where the provider will never give them: the job ends all the same."""
    if seen.status != "succeeded":
        return []
    try:
        return await provider.results(seen)
    except ProviderError as error:
        if error.retryable or error.reason not in _LOST:
            raise
        return None


def _without_results(change: Change) -> Change:
    event = NewEvent(message="The provider does not give the job's results files", level="warn")
    return msgspec.structs.replace(change, events=(event, *change.events))


def _end(job: Job, seen: RemoteJob) -> Change:
    now = clock.now()
    if seen.status == "succeeded":
        return moves.succeed(job, now)
    if seen.status == "cancelled":
        return moves.cancelled(job, now)
    error = seen.error or JobError(code="server_error", message="The provider gave no reason.")
    return moves.fail(job, error, now)


async def _last_events(context: Context, claim: Claim, job: Job) -> Job:
    """Take in all events up to the end, so that nothing of the history is missing when the job is terminal."""
    provider = context.provider_of(job)
    remote_id = job.remote.job_id
    if not provider.capabilities.events or remote_id is None:
        return job
    for _ in range(_EVENT_ROUNDS):
        events = await provider.events(remote_id, after=job.remote.event_cursor)
        if not events:
            break
        taken, fresh = moves.take_events(job, events)
        change = Change(job=taken, events=fresh)
        job = await context.runtime.jobs.advance(job, change, claim=claim, keep_claim=True)
    return job


def kept_checkpoints(job: Job, found: list[RemoteCheckpoint]) -> tuple[Checkpoint, ...]:
    """Return the provider's checkpoints under ids of ours, oldest first."""
    suffix = job.id.removeprefix("ftjob-")
    ordered = sorted(found, key=lambda checkpoint: checkpoint.step_number)
    return tuple(checkpoint.kept(f"{ids.CHECKPOINT}{suffix}-{checkpoint.step_number}") for checkpoint in ordered)


def models_of(job: Job, checkpoints: tuple[Checkpoint, ...]) -> list[TunedModel]:
    """Return the models that the job has made: its own, and its older checkpoints."""
    steps = {checkpoint.model: checkpoint.step_number for checkpoint in checkpoints}
    names = {job.fine_tuned_model: None} if job.fine_tuned_model else {}
    named = {**steps, **names}
    base = base_of(job.model) or job.model
    return [
        TunedModel(
            name=name,
            provider=job.provider,
            remote_name=name,
            base=base,
            job_id=job.id,
            created_at=int(clock.now()),
            parent=job.parent,
            step_number=step,
        )
        for name, step in named.items()
    ]


async def _store(context: Context, filename: str, content: bytes) -> FileRecord:
    async with context.runtime.blobs.open_write() as writer:
        await writer.write(content)
        blob = await writer.commit()
    return FileRecord(
        id=ids.make(ids.FILE),
        filename=filename,
        purpose=RESULTS,
        bytes=blob.bytes,
        sha256=blob.sha256,
        created_at=int(clock.now()),
        status="processed",
    )
