"""What a job would take and whether it would be refused, from its datasets' report; nothing is created."""

import msgspec

from service.api.context import HttpRequest, context_of, runtime_of
from service.api.files import check_content
from service.api.replies import Headers
from service.api.reports import report_of
from service.core import clock, moves
from service.core.catalogue import Target
from service.core.dataset.grader import fields_of
from service.core.dataset.report import Report
from service.core.estimates import Estimate
from service.core.files import FileRecord
from service.core.jobs import Job, JobError, Lint, Method
from service.core.outlook import budget_refusal, dataset_refusal, estimated
from service.store.reports import ReportRequest


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What an estimate is made for; `provider` is None where no configured one takes the model."""

    model: str
    method: Method
    provider: str | None
    target: Target
    training: FileRecord
    validation: FileRecord | None


async def report_for(request: HttpRequest, subject: Subject) -> tuple[Report | None, Headers]:
    """Return the report that a job of this kind stands on; None while a worker makes it.

    Raises InvalidRequest while one of its files is still being made or fetched.
    """
    validation = subject.validation
    check_content(subject.training, "training_file")
    if validation is not None:
        check_content(validation, "validation_file")
    asked = ReportRequest(
        file_id=subject.training.id,
        sha256=subject.training.sha256,
        model=subject.model,
        method=subject.method.type,
        validation_id=validation.id if validation else None,
        validation_sha256=validation.sha256 if validation else None,
        reads=fields_of(subject.method.grader),
    )
    return await report_of(request, subject.training, asked)


async def estimate_for(request: HttpRequest, subject: Subject, report: Report) -> Estimate:
    """Return the estimate, by the same rule as the worker's pricing step."""
    runtime, method = runtime_of(request), subject.method
    place = None if subject.provider is None else (subject.provider, subject.model)
    runs = {} if place is None else await runtime.durations.read([place], method.type)
    return estimated(runtime.catalogue, subject.model, method, report, subject.target, runs[place] if place else ())


def refusal_of(subject: Subject, report: Report, found: Estimate, budget_microusd: int | None) -> JobError | None:
    """Say why the job would fail before anything is sent, or None."""
    validation_id = subject.validation.id if subject.validation else None
    refused = dataset_refusal(report, subject.training.id, validation_id, fields_of(subject.method.grader))
    return refused or budget_refusal(found, budget_microusd)


async def tried_out(
    request: HttpRequest, job: Job, files: tuple[FileRecord, FileRecord | None]
) -> tuple[Job, bool, Headers]:
    """Return the job as it would stand after check and pricing, and whether that is known yet."""
    target: Target = next(place.target for place in context_of(request).places if place.name == job.provider)
    subject = Subject(
        model=job.model,
        method=job.method,
        provider=job.provider,
        target=target,
        training=files[0],
        validation=files[1],
    )
    report, headers = await report_for(request, subject)
    if report is None:
        return job, False, headers
    found = await estimate_for(request, subject, report)
    lint = Lint(errors=report.error_count, warnings=report.warning_count)
    seen = msgspec.structs.replace(job, estimate=found, lint=lint)
    error = refusal_of(subject, report, found, job.options.budget_microusd)
    if error is None:
        return moves.priced(seen, found).job, True, headers
    return moves.fail(seen, error, clock.now()).job, True, headers
