"""What a run would take, and why it would be refused: one rule and wording for jobs, dry runs and estimates."""

from collections.abc import Sequence

import msgspec

from service.core.catalogue import Catalogue, Resolution, Target
from service.core.dataset.report import Finding, Report
from service.core.durations import NOT_BY_TOKENS, PastRun, duration
from service.core.estimates import NO_TOKENS, Estimate, estimate, within_budget
from service.core.jobs import JobError, Method

_CODES = {"too_few_examples": "invalid_n_examples", "format_mismatch": "format_mismatch"}
"""Findings that have an error code of their own; all others are `invalid_training_file`."""

NEEDS_REPORT = "Counted by another tokenizer or cut at another length: ask for a report of this model."
NO_ENCODING = "The catalogue does not know how this model counts tokens."


def estimated(
    catalogue: Catalogue,
    model: str,
    method: Method,
    report: Report,
    target: Target,
    runs: Sequence[PastRun] = (),
) -> Estimate:
    """Estimate a run of `model` at `target` over the report's training split; `runs` of it are those that ended there.

    The report may be another model's: tokens that this one would count otherwise are unknown.
    """
    found = catalogue.resolve(model)
    known = found.model if found else None
    made = estimate(
        model_name=model,
        model=known,
        method=method.type,
        examples=report.examples,
        tokens_per_epoch=_billable(found, report),
        n_epochs=method.hyperparameters.n_epochs,
        target=target,
        priced_at=catalogue.date.isoformat(),
    )
    if method.type == "reinforcement":
        return msgspec.structs.replace(made, time_basis=NOT_BY_TOKENS)
    if made.billable_tokens is None:
        why = NO_TOKENS if report.tokens is None else NO_ENCODING if found is None else NEEDS_REPORT
        return msgspec.structs.replace(made, reason=made.reason and why, time_basis=why)
    took = duration(made.billable_tokens, report.sha256, runs)
    return msgspec.structs.replace(made, seconds=took.seconds, time_basis=took.basis)


def _billable(found: Resolution | None, report: Report) -> int | None:
    """Return the tokens of an epoch, None where the report's are not what this model would be billed for."""
    tokens = report.tokens
    if tokens is None or found is None:
        return None
    if found.base == report.model:
        return tokens.billable
    limit = found.model.max_example_tokens if found.model else None
    if found.encoding != tokens.encoding or (limit is not None and tokens.per_example.max > limit):
        return None
    return tokens.total


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
