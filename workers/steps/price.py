"""Step `pricing`: estimate the run, and refuse it here if it can't be run or may cost more than its budget."""

from service.core import clock, moves
from service.core.estimates import estimate, within_budget
from service.core.jobs import Change, Job, JobError
from service.store.due import Claim
from workers.context import Context
from workers.steps import report as reports
from workers.steps.check import request_for


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Queue the job with its estimate, or fail it before anything was sent."""
    await context.advance(claim, job, await _priced(context, job))
    return None


async def _priced(context: Context, job: Job) -> Change:
    catalogue, now = context.runtime.catalogue, clock.now()
    found = catalogue.resolve(job.model)
    target = context.runtime.settings.providers[job.provider].target
    if found and (why := catalogue.refusal(found, job.method.type, now, target)):
        return moves.fail(job, JobError(code="model_not_tunable", message=why, param="model"), now)
    report = await reports.ensure(context, request_for(job))
    result = estimate(
        model_name=job.model,
        model=found.model if found else None,
        method=job.method.type,
        examples=report.examples,
        tokens_per_epoch=report.tokens.billable if report.tokens else None,
        n_epochs=job.method.hyperparameters.n_epochs,
        target=target,
        priced_at=catalogue.date.isoformat(),
    )
    verdict = within_budget(result, job.options.budget_microusd)
    if not verdict.allowed:
        message = verdict.reason or "The run may cost more than its budget."
        return moves.fail(job, JobError(code="budget_exceeded", message=message), now)
    return moves.priced(job, result)
