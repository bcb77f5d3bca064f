"""Step `pricing`: estimate the run, and refuse it here if it can't be run or may cost more than its budget."""

from service.core import clock, moves
from service.core.jobs import Change, Job, JobError
from service.core.outlook import budget_refusal, estimated
from service.store.due import Claim
from workers.context import Context
from workers.steps import report as reports
from workers.steps.check import request_for


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Queue the job with its estimate, or fail it before anything was sent."""
    await context.advance(claim, job, await _priced(context, claim, job))
    return None


async def _priced(context: Context, claim: Claim, job: Job) -> Change:
    catalogue, now = context.runtime.catalogue, clock.now()
    found = catalogue.resolve(job.model)
    target = context.runtime.settings.providers[job.provider].target
    if found and (why := catalogue.refusal(found, job.method.type, now, target)):
        return moves.fail(job, JobError(code="model_not_tunable", message=why, param="model"), now)
    report = await reports.ensure(context, claim, request_for(job))
    place = (job.provider, job.model)
    runs = await context.runtime.durations.read([place], job.method.type)
    result = estimated(catalogue, job.model, job.method, report, target, runs[place])
    refusal = budget_refusal(result, job.options.budget_microusd)
    return moves.fail(job, refusal, now) if refusal else moves.priced(job, result)
