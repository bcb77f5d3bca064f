"""Step `checking`: judge the job's files under its own model and method."""

from service.core import clock, moves
from service.core.dataset.grader import fields_of
from service.core.jobs import Job, Lint
from service.core.outlook import dataset_refusal
from service.store.due import Claim
from service.store.reports import ReportRequest
from workers.context import Context
from workers.steps import arrival
from workers.steps import report as reports


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Go on to pricing, or fail the job naming the first error and where to read the rest."""
    if not all(part.sha256 for part in (job.training, job.validation) if part):
        return await arrival.run(context, claim, job)
    report = await reports.ensure(context, claim, request_for(job))
    validation_id = job.validation.file_id if job.validation else None
    refusal = dataset_refusal(report, job.training.file_id, validation_id, fields_of(job.method.grader))
    if refusal:
        await context.advance(claim, job, moves.fail(job, refusal, clock.now()))
    else:
        lint = Lint(errors=report.error_count, warnings=report.warning_count)
        await context.advance(claim, job, moves.checked(job, lint))
    return None


def request_for(job: Job) -> ReportRequest:
    """Return which report the job stands on."""
    return ReportRequest(
        file_id=job.training.file_id,
        sha256=job.training.sha256,
        model=job.model,
        method=job.method.type,
        validation_id=job.validation.file_id if job.validation else None,
        validation_sha256=job.validation.sha256 if job.validation else None,
        reads=fields_of(job.method.grader),
    )
