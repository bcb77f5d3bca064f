"""The files of a run directory, as structs. All times are Unix seconds, UTC."""

from typing import Any, Literal

import msgspec

from service.core.jobs import JobError
from workers.training.engine import Method, Resolved

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Want = Literal["run", "pause", "cancel"]

TERMINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})
MAX_ATTEMPTS = 5


class RunSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What to train: `spec.json`, written once. Paths are absolute or relative to the run directory.

    `parent` is the tuned model that the run starts from. `tokens_per_epoch` are the billed tokens, None where unknown.
    `engine_options.min_step_seconds` slows the clock, not the numbers: for demonstrations and tests of pause and kill.
    """

    run_id: str
    mark: str
    model: str
    org: str
    training_path: str
    method: Method
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    seed: int
    created_at: float
    validation_path: str | None = None
    parent: str | None = None
    beta: float | None = None
    suffix: str | None = None
    metadata: dict[str, str] = {}
    engine_options: dict[str, Any] = {}
    tokens_per_epoch: int | None = None
    training_file: str | None = None
    priority: int = 0

    @property
    def hyperparameters(self) -> Resolved:
        """Return the numbers that the engine takes."""
        return Resolved(
            n_epochs=self.n_epochs,
            batch_size=self.batch_size,
            learning_rate_multiplier=self.learning_rate_multiplier,
            beta=self.beta,
        )

    @property
    def tuned_name(self) -> str:
        """Return the name of the model that the run makes."""
        return f"ft:{self.model}:{self.org}:{self.suffix or ''}:{self.run_id[-8:]}"


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner wants: `control.json`, read between steps."""

    want: Want = "run"


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """Where the run stands: `state.json`, written only by who holds the run's lock.

    `attempt` counts deaths of the training process since it last stored progress; `interrupted` says that another
    process had begun before, so that the time since `started_at` is not all training.
    """

    status: Status = "queued"
    started_at: float | None = None
    interrupted: bool = False
    finished_at: float | None = None
    step: int = 0
    total_steps: int | None = None
    epoch: float | None = None
    trained_tokens: int | None = None
    fine_tuned_model: str | None = None
    error: JobError | None = None
    pid: int | None = None
    attempt: int = 0
    estimated_finish: int | None = None


class RunEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `events.jsonl`. `step` is the step after which it happened; what lies past a resume point goes."""

    seq: int
    created_at: int
    level: Literal["info", "warn", "error"] = "info"
    type: Literal["message", "metrics"] = "message"
    message: str
    data: dict[str, Any] = {}
    step: int = 0


class CheckpointMeta(msgspec.Struct, frozen=True, kw_only=True):
    """`meta.json` of a checkpoint; `epoch` is None for a rolling one. Losses are per piece of the engine (`about`)."""

    step: int
    created_at: float
    epoch: int | None = None
    metrics: dict[str, float] = {}
    model: str
    about: str
