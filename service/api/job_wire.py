"""OpenAI's job object with our `tunewright` member. `JobOut.of` is the only mapper."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.core.estimate_lines import JobEstimate
from service.core.jobs import (
    Actual,
    Checkpoint,
    Hyperparameters,
    Job,
    JobError,
    Lint,
    MethodType,
    Progress,
    Stage,
    Status,
)
from service.core.money import to_usd


class NumbersOut(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's three hyperparameters."""

    n_epochs: int | Literal["auto"]
    batch_size: int | Literal["auto"]
    learning_rate_multiplier: float | Literal["auto"]


class MethodOut(msgspec.Struct, frozen=True, kw_only=True):
    """How the job trains; the member of its type is there, the others are not."""

    type: MethodType
    supervised: dict[str, Any] | UnsetType = UNSET
    dpo: dict[str, Any] | UnsetType = UNSET
    reinforcement: dict[str, Any] | UnsetType = UNSET


class RemoteOut(msgspec.Struct, frozen=True, kw_only=True):
    """The job at its provider."""

    job_id: str | None
    status: str | None
    training_file: str | None
    validation_file: str | None


class ActualOut(msgspec.Struct, frozen=True, kw_only=True):
    """What the run took; null is unknown."""

    tokens: int | None
    cost_usd: float | None
    seconds: float | None


class ReproduceOut(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to do the run again."""

    training_sha256: str | None
    validation_sha256: str | None
    model: str
    requested_model: str
    hyperparameters: Hyperparameters
    seed: int
    versions: dict[str, str]


class TunewrightOut(msgspec.Struct, frozen=True, kw_only=True):
    """What OpenAI's object lacks (DESIGN §3.1)."""

    provider: str
    stage: Stage
    remote: RemoteOut
    estimate: JobEstimate | None
    budget_usd: float | None
    actual: ActualOut | None
    lint: Lint | None
    evaluation: None = None
    progress: Progress | None
    priority: int
    suffix: str | None
    parent: str | None
    reproduce: ReproduceOut
    dry_run: bool | UnsetType = UNSET


class JobOut(msgspec.Struct, frozen=True, kw_only=True):
    """A job as OpenAI shows it."""

    id: str
    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    created_at: int
    finished_at: int | None
    model: str
    fine_tuned_model: str | None
    organization_id: str
    result_files: tuple[str, ...]
    status: Status
    trained_tokens: int | None
    training_file: str
    validation_file: str | None
    hyperparameters: NumbersOut
    seed: int
    estimated_finish: int | None
    integrations: tuple[dict[str, Any], ...]
    metadata: dict[str, str] | None
    error: JobError | None
    method: MethodOut
    tunewright: TunewrightOut

    @classmethod
    def of(cls, job: Job, organization: str, *, dry_run: bool = False) -> "JobOut":
        """Map a job."""
        numbers = job.hyperparameters
        return cls(
            id=job.id,
            created_at=job.created_at,
            finished_at=job.finished_at,
            model=job.model,
            fine_tuned_model=job.fine_tuned_model,
            organization_id=organization,
            result_files=job.result_files,
            status=job.status,
            trained_tokens=job.trained_tokens,
            training_file=job.training.file_id,
            validation_file=job.validation.file_id if job.validation else None,
            hyperparameters=NumbersOut(
                n_epochs=numbers.n_epochs,
                batch_size=numbers.batch_size,
                learning_rate_multiplier=numbers.learning_rate_multiplier,
            ),
            seed=job.seed,
            estimated_finish=job.estimated_finish,
            integrations=job.integrations,
            metadata=job.metadata,
            error=job.error,
            method=_method(job),
            tunewright=_tunewright(job, dry_run),
        )


class CheckpointOut(msgspec.Struct, frozen=True, kw_only=True):
    """OpenAI's checkpoint object."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    step_number: int
    metrics: dict[str, float]

    @classmethod
    def of(cls, job_id: str, checkpoint: Checkpoint) -> "CheckpointOut":
        """Map a checkpoint of a job."""
        return cls(
            id=checkpoint.id,
            created_at=checkpoint.created_at,
            fine_tuned_model_checkpoint=checkpoint.model,
            fine_tuning_job_id=job_id,
            step_number=checkpoint.step_number,
            metrics=checkpoint.metrics,
        )


def _method(job: Job) -> MethodOut:
    method, numbers = job.method, job.hyperparameters
    shown: dict[str, Any] = {
        "n_epochs": numbers.n_epochs,
        "batch_size": numbers.batch_size,
        "learning_rate_multiplier": numbers.learning_rate_multiplier,
    }
    if method.type == "supervised":
        return MethodOut(type="supervised", supervised={"hyperparameters": shown})
    if method.type == "dpo":
        beta = "auto" if numbers.beta is None else numbers.beta
        return MethodOut(type="dpo", dpo={"hyperparameters": {**shown, "beta": beta}})
    for name in ("compute_multiplier", "eval_interval", "eval_samples", "reasoning_effort"):
        value = getattr(numbers, name)
        shown[name] = value if value is not None else "default" if name == "reasoning_effort" else "auto"
    body: dict[str, Any] = {"grader": method.grader, "hyperparameters": shown}
    if method.response_format is not None:
        body["response_format"] = method.response_format
    return MethodOut(type="reinforcement", reinforcement=body)


def _tunewright(job: Job, dry_run: bool) -> TunewrightOut:
    remote, budget = job.remote, job.options.budget_microusd
    return TunewrightOut(
        provider=job.provider,
        stage=job.stage,
        remote=RemoteOut(
            job_id=remote.job_id,
            status=remote.status,
            training_file=remote.training_file,
            validation_file=remote.validation_file,
        ),
        estimate=JobEstimate.of(job.estimate) if job.estimate else None,
        budget_usd=None if budget is None else to_usd(budget),
        actual=_actual(job.actual),
        lint=job.lint,
        progress=job.progress,
        priority=job.options.priority,
        suffix=job.suffix,
        parent=job.parent,
        reproduce=ReproduceOut(
            training_sha256=job.training.sha256 or None,
            validation_sha256=job.validation.sha256 or None if job.validation else None,
            model=job.model,
            requested_model=job.requested_model,
            hyperparameters=job.hyperparameters,
            seed=job.seed,
            versions=job.versions,
        ),
        dry_run=True if dry_run else UNSET,
    )


def _actual(actual: Actual | None) -> ActualOut | None:
    if actual is None:
        return None
    cost = actual.cost_microusd
    return ActualOut(tokens=actual.tokens, cost_usd=None if cost is None else to_usd(cost), seconds=actual.seconds)
