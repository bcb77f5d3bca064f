"""Every move that a job can make, as pure functions from the record to a Change. `JobStore` alone writes them."""

import msgspec

from service.core.errors import InvalidRequest
from service.core.estimates import Estimate
from service.core.jobs import (
    BEFORE_SENDING,
    Actual,
    Change,
    Checkpoint,
    Input,
    Job,
    JobError,
    Lint,
    NewEvent,
    Progress,
    Status,
    Step,
)
from service.core.remote import RemoteEvent, RemoteJob

NOW = 0.0
_replace = msgspec.structs.replace


def submit(job: Job) -> Change:
    """Return the first record of a job with its first events; it is due at once."""
    files = f"Validating training file: {job.training.file_id}"
    if job.validation:
        files += f" and validation file: {job.validation.file_id}"
    events = (NewEvent(message=f"Created fine-tuning job: {job.id}"), NewEvent(message=files))
    return Change(job=job, events=events, due_in_s=NOW)


def pause(job: Job) -> Change:
    """Store the wish to pause and answer `paused`; before anything was sent the pause is reached at once."""
    _refuse_terminal(job, "paused")
    if job.wish == "cancel":
        raise InvalidRequest("This job is being cancelled and can't be paused.", code="invalid_state")
    if job.status == "paused":
        return Change(job=job)
    wish = None if is_unsent(job) else "pause"
    paused = _replace(job, status="paused", resume_status=job.status, wish=wish, hold=None)
    return Change(job=paused, events=(NewEvent(message="Job paused"),), due_in_s=NOW if wish else None)


def resume(job: Job) -> Change:
    """Let a paused job go on; a pause that was not reached yet is withdrawn."""
    _refuse_terminal(job, "resumed")
    if job.status != "paused" or job.wish == "cancel":
        raise InvalidRequest("Only a paused job can be resumed.", code="invalid_state")
    status: Status = "validating_files" if job.step in {"checking", "pricing"} else "queued"
    resumed = _replace(job, status=status, resume_status=None, wish=None if is_unsent(job) else "resume")
    return Change(job=resumed, events=(NewEvent(message="Job resumed"),), due_in_s=NOW)


def cancel(job: Job, now: float) -> Change:
    """Cancel at once what was not sent; else store the wish, which the worker carries to the provider."""
    _refuse_terminal(job, "cancelled")
    if is_unsent(job):
        return cancelled(job, now)
    if job.wish == "cancel":
        return Change(job=job, due_in_s=NOW)
    return Change(job=_replace(job, wish="cancel"), events=(NewEvent(message="Cancellation requested"),), due_in_s=NOW)


def cancelled(job: Job, now: float) -> Change:
    """End the job as cancelled, or as failed if it was its deadline that cancelled it."""
    if job.expired:
        message = "The job did not end before its deadline and was cancelled."
        return fail(job, JobError(code="deadline_exceeded", message=message), now)
    return _end(job, "cancelled", now, NewEvent(message="The job has been cancelled", level="warn"))


def fail(job: Job, error: JobError, now: float) -> Change:
    """End the job as failed for `error`."""
    failed = _replace(job, error=error)
    return _end(failed, "failed", now, NewEvent(message=f"The job failed: {error.message}"[:2000], level="error"))


def succeed(job: Job, now: float) -> Change:
    """End the job as succeeded; its model, results and checkpoints are in the record already."""
    return _end(job, "succeeded", now, None)


def arrived(job: Job, training: Input, validation: Input | None) -> Change:
    """Keep what the job's files hold, now that they were fetched from elsewhere; the check is next."""
    return Change(job=_replace(job, training=training, validation=validation), due_in_s=NOW)


def checked(job: Job, lint: Lint) -> Change:
    """Leave the check behind; pricing is next."""
    return Change(job=_replace(job, step="pricing", lint=lint), due_in_s=NOW)


def priced(job: Job, estimate: Estimate) -> Change:
    """Keep the estimate and queue the job."""
    queued = _replace(job, step="uploading", status="queued", estimate=estimate)
    return Change(job=queued, events=(NewEvent(message="Files validated, moving job to queued state"),), due_in_s=NOW)


def uploaded(job: Job, training_file: str, validation_file: str | None) -> Change:
    """Keep the provider's file ids; creating is next."""
    uploads = job.remote.uploads + 1
    remote = _replace(job.remote, training_file=training_file, validation_file=validation_file, uploads=uploads)
    return Change(job=_replace(job, step="creating", remote=remote), due_in_s=NOW)


def intend(job: Job, now: float) -> Change:
    """Store the intent to create, before the call that costs money; a job in line leaves it."""
    remote = _replace(job.remote, tries=job.remote.tries + 1, last_try_at=now)
    return Change(job=_replace(job, remote=remote), due_in_s=NOW)


def withdraw(job: Job) -> Change:
    """Take the intent back after an answer that says that nothing was created."""
    remote = _replace(job.remote, tries=job.remote.tries - 1, last_try_at=None)
    return Change(job=_replace(job, remote=remote), due_in_s=NOW)


def upload_again(job: Job) -> Change:
    """Go back to uploading: the provider no longer knows a file that it had, and nothing was created."""
    doubts = job.remote.doubts + job.remote.tries - 1
    remote = _replace(
        job.remote, training_file=None, validation_file=None, tries=0, last_try_at=None, doubts=max(0, doubts)
    )
    return Change(job=_replace(job, step="uploading", remote=remote), due_in_s=NOW)


def hold(job: Job) -> Change:
    """Reach a pause while nothing exists at the provider."""
    doubts = job.remote.doubts + job.remote.tries
    return Change(job=_replace(job, wish=None, remote=_replace(job.remote, tries=0, last_try_at=None, doubts=doubts)))


def adopt(job: Job, found: RemoteJob) -> Change:
    """Keep the provider's job: the one that the create call answered, or the one that bears our mark."""
    remote = _replace(job.remote, job_id=found.id, status=found.raw_status, created_at=found.created_at)
    # A wish (pause, cancel) that came while creating is looked at next.
    adopted = _replace(job, step="waiting", remote=remote, hold=None)
    return Change(job=adopted, due_in_s=NOW if job.wish else None)


def note_extra(job: Job, extra: RemoteJob) -> Change | None:
    """Keep that a second job was found at the provider; None if it is known."""
    if extra.id in job.remote.extras:
        return None
    end = "it has succeeded there and may be charged" if extra.status == "succeeded" else "it is cancelled"
    message = f"The provider made a second job for this one, {extra.id}; {end}"
    remote = _replace(job.remote, extras=(*job.remote.extras, extra.id))
    return Change(job=_replace(job, remote=remote), events=(NewEvent(message=message, level="warn"),))


def wish_done(job: Job, seen: RemoteJob) -> Change:
    """The provider took the wish; polling sees what comes of it, and ends a wish to pause or to cancel."""
    remote = _replace(job.remote, status=seen.raw_status)
    return Change(job=_replace(job, wish=None if job.wish == "resume" else job.wish, remote=remote))


def drop_wish(job: Job) -> Change:
    """The provider turned the wish down and the job goes on: it goes back to where it stood."""
    status = job.resume_status if job.wish == "pause" and job.resume_status else job.status
    event = NewEvent(message=f"The provider did not {job.wish} the job", level="warn")
    return Change(job=_replace(job, wish=None, status=status, resume_status=None), events=(event,))


def missing(job: Job, now: float) -> Change:
    """Note since when the provider does not list the job."""
    return Change(job=_replace(job, remote=_replace(job.remote, missing_since=now)))


def with_checkpoints(change: Change, checkpoints: tuple[Checkpoint, ...]) -> Change:
    """Return the change with the checkpoints that the provider has by now."""
    return _replace(change, job=_replace(change.job, checkpoints=checkpoints))


def observe(job: Job, seen: RemoteJob, events: list[RemoteEvent], now: float) -> Change | None:
    """Take in what a poll saw; None if nothing is new. A remote end makes the job due, so that it is finished."""
    next_job = _with_facts(job, seen)
    ended = seen.status in {"succeeded", "failed", "cancelled"}
    if seen.status == "running" and job.status == "queued" and job.wish != "resume":
        next_job = _replace(next_job, status="running", step="training", started_at=int(now))
    elif seen.status == "running" and job.status == "paused" and job.wish is None:
        next_job = _replace(next_job, status="running", step="training")
    elif seen.status == "paused" and job.wish == "pause":
        next_job = _replace(next_job, wish=None)
    elif seen.status == "paused" and job.status in {"queued", "running"} and job.wish is None:
        next_job = _replace(next_job, status="paused", resume_status=job.status)
    next_job, fresh = take_events(next_job, events)
    if next_job == job:
        return None
    if seen.status == "unknown" and seen.raw_status != job.remote.status:
        message = f"The provider says {seen.raw_status!r}, which is not known here; the job is left as it is"
        fresh = (*fresh, NewEvent(message=message, level="warn"))
    return Change(job=next_job, events=fresh, due_in_s=NOW if ended else None)


def take_events(job: Job, events: list[RemoteEvent]) -> tuple[Job, tuple[NewEvent, ...]]:
    """Return the job with its progress and cursor after `events` (oldest first), and the events to keep."""
    if not events:
        return job, ()
    progress = job.progress
    for event in events:
        step = event.data.get("step")
        if event.type == "metrics" and isinstance(step, int):
            progress = _progress(step, event.data.get("total_steps"), job)
    began = next((event.created_at for event in events if event.message.startswith(_BEGAN)), None)
    remote = _replace(job.remote, event_cursor=events[-1].id, began_at=job.remote.began_at or began)
    fresh = tuple(
        NewEvent(message=e.message, level=e.level, type=e.type, data=e.data, created_at=e.created_at)
        for e in events
        if not e.message.startswith(_OURS)
    )
    return _replace(job, progress=progress, remote=remote), fresh


_OURS = ("Created fine-tuning job", "Validating training file", "Files validated")
"""Messages of a remote job that would repeat what our own job has said."""
_BEGAN = "Fine-tuning job started"


def finished(job: Job, checkpoints: tuple[Checkpoint, ...], result_files: tuple[str, ...], seen: RemoteJob) -> Job:
    """Return the job with all that its provider left behind."""
    started = seen.started_at or job.started_at or job.created_at
    ended = seen.finished_at
    actual = Actual(
        tokens=seen.trained_tokens,
        cost_microusd=_actual_cost(job, seen.trained_tokens),
        seconds=max(0.0, ended - started) if ended is not None else None,
    )
    return _replace(
        _with_facts(job, seen),
        fine_tuned_model=seen.fine_tuned_model,
        checkpoints=checkpoints,
        result_files=result_files,
        actual=actual,
        estimated_finish=None,
    )


def _actual_cost(job: Job, tokens: int | None) -> int | None:
    """Scale the estimate to the tokens that were trained; None where either is unknown."""
    if tokens is None or job.estimate is None or job.estimate.cost_microusd is None:
        return None
    span = job.estimate.billable_tokens
    if span is None or span.expected == 0:
        return None
    return round(job.estimate.cost_microusd.expected * tokens / span.expected)


def _with_facts(job: Job, seen: RemoteJob) -> Job:
    paused = seen.status == "paused" and job.started_at is not None
    return _replace(
        job,
        remote=_replace(job.remote, status=seen.raw_status, missing_since=None),
        interrupted=job.interrupted or seen.interrupted or paused,
        hyperparameters=seen.hyperparameters or job.hyperparameters,
        trained_tokens=seen.trained_tokens if seen.trained_tokens is not None else job.trained_tokens,
        estimated_finish=seen.estimated_finish,
    )


def _progress(step: int, total: object, job: Job) -> Progress:
    total_steps = total if isinstance(total, int) and total > 0 else None
    epochs = job.hyperparameters.n_epochs
    epoch = round(step / total_steps * epochs, 3) if total_steps and isinstance(epochs, int) else None
    return Progress(step=step, total_steps=total_steps, epoch=epoch, eta=job.estimated_finish)


def is_unsent(job: Job) -> bool:
    """Tell whether nothing that costs money can exist at the provider."""
    return job.step in BEFORE_SENDING or (job.step == "creating" and job.remote.tries == 0)


def _refuse_terminal(job: Job, verb: str) -> None:
    if job.is_terminal:
        raise InvalidRequest(f"This job has {job.status} and can't be {verb}.", code="invalid_state")


def _end(job: Job, status: Status, now: float, event: NewEvent | None) -> Change:
    step: Step = "done"
    ended = _replace(
        job,
        status=status,
        step=step,
        wish=None,
        resume_status=None,
        hold=None,
        finished_at=int(now),
        estimated_finish=None,
    )
    return Change(job=ended, events=(event,) if event else ())
