"""The job record, its states, and which change of state is legal."""

from typing import Any, Literal

import msgspec

from service.core.estimates import Estimate
from service.core.ids import EVENT, JOB

Status = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
Step = Literal["checking", "pricing", "uploading", "creating", "waiting", "training", "evaluating", "done"]
Stage = Literal[
    "checking",
    "pricing",
    "uploading",
    "creating",
    "waiting",
    "training",
    "evaluating",
    "done",
    "pausing",
    "cancelling",
]
Wish = Literal["pause", "resume", "cancel"]
MethodType = Literal["supervised", "dpo", "reinforcement"]

TERMINAL: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})

TRANSITIONS: dict[Status, frozenset[Status]] = {
    "validating_files": frozenset({"queued", "paused", "failed", "cancelled"}),
    "queued": frozenset({"running", "paused", "succeeded", "failed", "cancelled"}),
    "running": frozenset({"queued", "paused", "succeeded", "failed", "cancelled"}),
    "paused": frozenset({"validating_files", "queued", "running", "succeeded", "failed", "cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
"""Legal changes of status. From `running` back to `queued` is a resumed pause, or a provider that queues again."""

BEFORE_SENDING: frozenset[Step] = frozenset({"checking", "pricing", "uploading"})
"""Steps in which nothing that costs money exists at the provider, so that a cancel is at once."""


class IllegalTransition(Exception):
    """A bug: code asked for a change of status that the table forbids."""


class Hyperparameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Numbers of a run; "auto" until somebody decides, None where a method does not know the member."""

    n_epochs: int | Literal["auto"] = "auto"
    batch_size: int | Literal["auto"] = "auto"
    learning_rate_multiplier: float | Literal["auto"] = "auto"
    beta: float | Literal["auto"] | None = None
    compute_multiplier: float | Literal["auto"] | None = None
    eval_interval: int | Literal["auto"] | None = None
    eval_samples: int | Literal["auto"] | None = None
    reasoning_effort: str | None = None


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """How to train. `grader` and `response_format` belong to reinforcement alone."""

    type: MethodType = "supervised"
    hyperparameters: Hyperparameters = Hyperparameters()
    grader: dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset of the job: the bytes by hash, so that they outlive the file record; empty while they are fetched."""

    file_id: str
    sha256: str
    bytes: int
    filename: str


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked under `tunewright`."""

    budget_microusd: int | None = None
    webhook_url: str | None = None
    priority: int = 0
    provider_options: dict[str, Any] = {}


class JobError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job failed; `param` is training_file, validation_file or None."""

    code: str
    message: str
    param: str | None = None


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the job at its provider.

    `tries` and `last_try_at` are the stored intent to create; `event_cursor` is the last remote event taken in;
    `uploads` counts how often the files were made available; `doubts` the creates given up on whose end was never
    learned; `extras` are jobs that bore our mark beside `job_id`; they were cancelled, or had ended; `began_at` is when
    training began by the provider's own event.
    """

    job_id: str | None = None
    status: str | None = None
    training_file: str | None = None
    validation_file: str | None = None
    tries: int = 0
    last_try_at: float | None = None
    created_at: float | None = None
    began_at: float | None = None
    event_cursor: str | None = None
    missing_since: float | None = None
    uploads: int = 0
    doubts: int = 0
    extras: tuple[str, ...] = ()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where training stands; `eta` is the expected end in Unix seconds."""

    step: int
    total_steps: int | None = None
    epoch: float | None = None
    eta: int | None = None


HoldReason = Literal["concurrent_limit", "daily_limit", "quota", "turn"]


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Why a job waits to be created, and since which Unix second; `turn`: others of its model are before it.

    It waits while its `tries` are as they were: a job that is being created has left the line.
    """

    reason: HoldReason
    since: float
    tries: int


class Lint(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of findings in the job's own report."""

    errors: int
    warnings: int


class Actual(msgspec.Struct, frozen=True, kw_only=True):
    """What the run took; None is unknown."""

    tokens: int | None = None
    cost_microusd: int | None = None
    seconds: float | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A usable state of the model; `metrics` has OpenAI's names."""

    id: str
    created_at: int
    model: str
    step_number: int
    metrics: dict[str, float] = {}


class EventChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Events `first` to `last` (sequence numbers), moved from Redis to blob `key`."""

    first: int
    last: int
    key: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a job's history; `sequence` counts from 0 within the job."""

    sequence: int
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    type: Literal["message", "metrics"] = "message"
    data: dict[str, Any] = {}


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event to be added; the store numbers it."""

    message: str
    level: Literal["info", "warn", "error"] = "info"
    type: Literal["message", "metrics"] = "message"
    data: dict[str, Any] = {}
    created_at: int | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A fine-tuning job as Tunewright keeps it. Times are Unix seconds, money integer micro-dollars.

    `version` counts changes; `announced` counts webhook messages (the `sequence` that receivers see); `resume_status`
    is the status to go back to after a pause; `expired` says that its deadline passed before it ended, `interrupted`
    that training did not go through in one go.
    """

    id: str
    created_at: int
    version: int = 0
    status: Status = "validating_files"
    step: Step = "checking"
    wish: Wish | None = None
    resume_status: Status | None = None
    model: str
    requested_model: str
    provider: str
    method: Method
    training: Input
    validation: Input | None = None
    suffix: str | None = None
    seed: int
    metadata: dict[str, str] | None = None
    integrations: tuple[dict[str, Any], ...] = ()
    options: Options = Options()
    hyperparameters: Hyperparameters
    remote: Remote = Remote()
    hold: Hold | None = None
    expired: bool = False
    interrupted: bool = False
    estimate: Estimate | None = None
    lint: Lint | None = None
    progress: Progress | None = None
    actual: Actual | None = None
    fine_tuned_model: str | None = None
    result_files: tuple[str, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    trained_tokens: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    estimated_finish: int | None = None
    error: JobError | None = None
    parent: str | None = None
    versions: dict[str, str] = {}
    event_count: int = 0
    event_chunks: tuple[EventChunk, ...] = ()
    announced: int = 0

    @property
    def is_terminal(self) -> bool:
        """Tell whether the job has reached its end."""
        return self.status in TERMINAL

    @property
    def stage(self) -> Stage:
        """Return where the job stands in our pipeline (DESIGN §3.1)."""
        if self.wish == "pause":
            return "pausing"
        if self.wish == "cancel":
            return "cancelling"
        return "waiting" if self.is_held else self.step

    @property
    def is_held(self) -> bool:
        """Tell whether the job stands in line for its provider."""
        return self.hold is not None and self.hold.tries == self.remote.tries


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one job, written whole or not at all: the new record, its events, and when to look again.

    `due_in_s` None means that nothing is left to do for the job itself.
    """

    job: Job
    events: tuple[NewEvent, ...] = ()
    due_in_s: float | None = None


def check_transition(old: Status, new: Status) -> None:
    """Raise IllegalTransition unless `old` may become `new` (staying is always legal)."""
    if old == new:
        return
    if new not in TRANSITIONS[old]:
        raise IllegalTransition(f"A job can't go from {old} to {new}.")


def event_id(job_id: str, sequence: int) -> str:
    """Return the id of a job's event, which holds its number."""
    return f"{EVENT}{job_id.removeprefix(JOB)}-{sequence}"


def event_sequence(job_id: str, text: str) -> int | None:
    """Return the number in an event's id, None if `text` is no event id of this job."""
    head, _, number = text.rpartition("-")
    return int(number) if head == f"{EVENT}{job_id.removeprefix(JOB)}" and number.isdecimal() else None
