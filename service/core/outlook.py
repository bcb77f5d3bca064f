"""What a run would take, and why it would be refused: one rule and wording for jobs, dry runs and estimates."""

from collections.abc import Sequence

from service.core.catalogue import Catalogue, Target
from service.core.dataset.report import Finding, Report
from service.core.estimates import Estimate, estimate, within_budget
from service.core.jobs import JobError, Method

_CODES = {"too_few_examples": "invalid_n_examples", "format_mismatch": "format_mismatch"}
"""Findings that have an error code of their own; all others are `invalid_training_file`."""


def estimated(catalogue: Catalogue, model: str, method: Method, report: Report, target: Target) -> Estimate:
    """Estimate a run of `model` at `target` over the report's training split."""
    found = catalogue.resolve(model)
    return estimate(
        model_name=model,
        model=found.model if found else None,
        method=method.type,
        examples=report.examples,
        tokens_per_epoch=report.tokens.billable if report.tokens else None,
        n_epochs=method.hyperparameters.n_epochs,
        target=target,
        priced_at=catalogue.date.isoformat(),
    )


def dataset_refusal(
    report: Report, training_id: str, validation_id: str | None, reads: Sequence[str] = ()
) -> JobError | None:
    """Name the first error and where to read the rest; None for a report without any.

    `reads` are the members of each line that the job's grader reads.
    """
    if report.valid:
        return None
    first = report.errors[0]
    is_validation = first.file == "validation" and validation_id is not None
    file_id = validation_id if is_validation else training_id
    wanted = f"&reads={','.join(reads)}" if reads else ""
    return JobError(
        code=_CODES.get(first.code, "invalid_training_file"),
        message=f"{_said(first)} ({first.code}).{_others(report.error_count - 1)} All of them: "
        f"GET /v1/datasets/{file_id}/report?model={report.model}&method={report.method}{wanted}",
        param="validation_file" if is_validation else "training_file",
    )


def budget_refusal(estimate: Estimate, budget_microusd: int | None) -> JobError | None:
    """Refuse a run that may cost more than its budget."""
    verdict = within_budget(estimate, budget_microusd)
    if verdict.allowed:
        return None
    return JobError(code="budget_exceeded", message=verdict.reason or "The run may cost more than its budget.")


def _said(finding: Finding) -> str:
    message = finding.message.rstrip(".")
    return f"Line {finding.line}: {message}" if finding.line else message[:1].upper() + message[1:]


def _others(count: int) -> str:
    if count == 0:
        return ""
    return " There is 1 more error." if count == 1 else f" There are {count} more errors."
