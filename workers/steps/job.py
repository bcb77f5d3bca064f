"""Look at a job: carry a wish to its provider, or do what its step asks for."""

from collections.abc import Awaitable, Callable, Mapping

from service.core import clock, deadlines, moves
from service.core.jobs import Job, JobError, Step
from service.core.trials import LOST
from service.store.due import Claim
from workers.content import ContentCorrupt
from workers.context import Context
from workers.steps import check, create, finish, price, upload, wishes
from workers.trial import WorkerLost

JobStep = Callable[[Context, Claim, Job], Awaitable[float | None]]

_STEPS: Mapping[Step, JobStep] = {
    "checking": check.run,
    "pricing": price.run,
    "uploading": upload.run,
    "creating": create.run,
    "waiting": finish.run,
    "training": finish.run,
    "evaluating": finish.run,
}


async def look(context: Context, claim: Claim, job_id: str) -> float | None:
    """Do the job's next thing. A terminal or held job needs nothing."""
    job = await context.runtime.jobs.get(job_id)
    if job is None or job.is_terminal:
        return None
    if job.provider not in context.providers.names:
        message = f"The provider {job.provider!r} is no longer configured."
        error = JobError(code="provider_unreachable", message=message)
        await context.advance(claim, job, moves.fail(job, error, clock.now()))
        return None
    now = await context.runtime.due.now()
    if deadlines.is_overdue(job, now, context.runtime.settings.deadline_s(job.provider)):
        await context.advance(claim, job, deadlines.expire(job, now))
        return None
    if job.remote.job_id and job.wish:
        return await wishes.run(context, claim, job)
    if job.status == "paused" and not job.wish:
        return None
    try:
        return await _STEPS[job.step](context, claim, job)
    except ContentCorrupt as corrupt:
        is_training = corrupt.sha256 == job.training.sha256
        param = "training_file" if is_training else "validation_file"
        error = JobError(code="dataset_corrupt", message=str(corrupt), param=param)
        await context.advance(claim, job, moves.fail(job, error, clock.now()))
        return None
    except WorkerLost as lost:
        error = JobError(code=LOST, message=str(lost), param="training_file")
        await context.advance(claim, job, moves.fail(job, error, clock.now()))
        return None
