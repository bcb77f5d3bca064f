"""Step `checking`: judge the job's files under its own model and method."""

from service.core import clock, moves
from service.core.dataset.report import Finding, Report
from service.core.jobs import Job, JobError, Lint
from service.store.due import Claim
from service.store.reports import ReportRequest
from workers.context import Context
from workers.steps import report as reports

_CODES = {"too_few_examples": "invalid_n_examples", "format_mismatch": "format_mismatch"}
"""Findings that have an error code of their own; all others are `invalid_training_file`."""


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Go on to pricing, or fail the job naming the first error and where to read the rest."""
    report = await reports.ensure(context, request_for(job))
    if report.valid:
        lint = Lint(errors=report.error_count, warnings=report.warning_count)
        await context.advance(claim, job, moves.checked(job, lint))
    else:
        await context.advance(claim, job, moves.fail(job, _error(job, report), clock.now()))
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
    )


def _error(job: Job, report: Report) -> JobError:
    first = report.errors[0]
    place = f"Line {first.line}" if first.line else "The file"
    rest = f" There are {report.error_count - 1} more errors." if report.error_count > 1 else ""
    where = f" All of them: GET /v1/datasets/{_file_id(job, first)}/report?model={job.model}&method={job.method.type}"
    return JobError(
        code=_CODES.get(first.code, "invalid_training_file"),
        message=f"{place}: {first.message} ({first.code}).{rest}{where}",
        param="validation_file" if first.file == "validation" else "training_file",
    )


def _file_id(job: Job, finding: Finding) -> str:
    return job.validation.file_id if finding.file == "validation" and job.validation else job.training.file_id
