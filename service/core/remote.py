"""What a provider tells of its jobs, files and models, in one form for all providers."""

from typing import Any, Literal

import msgspec

from service.core.jobs import Checkpoint, Hyperparameters, JobError, Method

RemoteStatus = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled", "unknown"]


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a target can do. `poll_interval_s` is the pause between rounds, `settle_s` the one before a second create.

    `keeps_metadata` False means that our mark goes into the suffix. `max_file_bytes` is the limit of a plain upload.
    `requests_per_minute` is what all workers together send at most, chat left out; 0 is no limit.
    """

    events: bool = True
    checkpoints: bool = True
    pause: bool = True
    keeps_metadata: bool = True
    metadata_filter: bool = True
    uploads: bool = True
    settle_s: float = 120.0
    poll_interval_s: float = 15.0
    requests_per_minute: float = 600.0
    max_file_bytes: int = 512_000_000


class CreateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A job to be created at a provider. `mark` is our job id, by which the remote job is found again.

    `tokens_per_epoch` is the billable count of the training file, None where it is not known.
    """

    mark: str
    model: str
    training_file: str
    validation_file: str | None
    method: Method
    suffix: str | None
    seed: int
    metadata: dict[str, str]
    integrations: tuple[dict[str, Any], ...] = ()
    provider_options: dict[str, Any] = {}
    tokens_per_epoch: int | None = None
    priority: int = 0


class RemoteJob(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's job. `status` is "unknown" where `raw_status` is none that we know; then nothing is concluded.

    `started_at` is when training began, where the provider tells; `interrupted` that it was not one stretch since then.
    """

    id: str
    status: RemoteStatus
    raw_status: str
    mark: str | None = None
    model: str | None = None
    fine_tuned_model: str | None = None
    training_file: str | None = None
    trained_tokens: int | None = None
    hyperparameters: Hyperparameters | None = None
    seed: int | None = None
    error: JobError | None = None
    result_files: tuple[str, ...] = ()
    created_at: float | None = None
    started_at: float | None = None
    interrupted: bool = False
    finished_at: float | None = None
    estimated_finish: int | None = None


class RemoteEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's event; `id` is its cursor."""

    id: str
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any] = {}


class RemoteCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's checkpoint."""

    id: str
    created_at: int
    model: str
    step_number: int
    metrics: dict[str, float] = {}

    def kept(self, checkpoint_id: str) -> Checkpoint:
        """Return it as our own checkpoint, under an id of ours."""
        return Checkpoint(
            id=checkpoint_id,
            created_at=self.created_at,
            model=self.model,
            step_number=self.step_number,
            metrics=self.metrics,
        )


class RemoteModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a provider lists; `shutdown_date` is `YYYY-MM-DD`."""

    id: str
    created: int | None = None
    owned_by: str | None = None
    shutdown_date: str | None = None


class ResultFile(msgspec.Struct, frozen=True, kw_only=True):
    """A result of a remote job: metrics as CSV, decoded from base64 where the provider wraps it so."""

    filename: str
    content: bytes


class SentParts(msgspec.Struct, frozen=True, kw_only=True):
    """How far an upload in parts got at a provider. Times are Unix seconds.

    `part_ids` are those of the first parts, each of `part_bytes`; `completing_since` is set before the call that ends
    it, so that from then on there may be a file.
    """

    upload_id: str
    begun_at: float
    part_bytes: int
    part_ids: tuple[str, ...] = ()
    completing_since: float | None = None
