"""Carry a client's wish (pause, resume, cancel) to the provider. Polling sees what becomes of it."""

from service.core import moves
from service.core.jobs import Job
from service.store.due import Claim
from workers.context import Context
from workers.providers.protocol import ProviderError
from workers.steps import finish
from workers.steps.failures import PAUSING, pause_after


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Tell the provider; a job that has ended meanwhile is finished instead."""
    provider, remote_id = context.provider_of(job), job.remote.job_id
    if remote_id is None or job.wish is None:
        return 0.0
    call = {"pause": provider.pause, "resume": provider.resume, "cancel": provider.cancel}[job.wish]
    try:
        seen = await call(remote_id)
    except ProviderError as error:
        if error.retryable or error.reason in PAUSING:
            return await pause_after(context, claim, error)
        # A refusal mostly means that the job is past the point: what it is now decides.
        return await finish.run(context, claim, job, refused=True)
    if seen.status in {"succeeded", "failed", "cancelled"}:
        return await finish.run(context, claim, job)
    if job.remote.status == seen.raw_status and job.wish != "resume":
        return None
    await context.advance(claim, job, moves.wish_done(job, seen))
    return None
