"""The objects of an OpenAI-shaped endpoint, read tolerantly (reference/openai-api.md §12), as ours."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from service.core.jobs import Hyperparameters, JobError
from service.core.remote import RemoteCheckpoint, RemoteEvent, RemoteJob, RemoteModel, RemoteStatus

_STATUSES: dict[str, RemoteStatus] = {
    "validatingfiles": "validating_files", "validating": "validating_files", "preprocessing": "validating_files",
    "created": "queued", "pending": "queued", "notrunning": "queued", "queued": "queued", "submitted": "queued",
    "scheduled": "queued", "resuming": "queued", "starting": "queued",
    "running": "running", "inprogress": "running", "training": "running", "pausing": "running",
    "canceling": "running", "cancelling": "running", "cancelrequested": "running", "compressing": "running",
    "uploading": "running", "finalizing": "running",
    "paused": "paused",
    "succeeded": "succeeded", "completed": "succeeded", "success": "succeeded",
    "failed": "failed", "error": "failed", "expired": "failed",
    "cancelled": "cancelled", "canceled": "cancelled", "usercancelled": "cancelled", "stopped": "cancelled",
}  # fmt: skip
_LEVELS: dict[str, Literal["info", "warn", "error"]] = {"warning": "warn", "warn": "warn", "error": "error"}

METADATA_MARK = "tunewright_job"


class JobWire(msgspec.Struct):
    """A job of any target: only `id` and `status` are sure to be what they should."""

    id: str
    status: str
    object: Any = None
    model: Any = None
    fine_tuned_model: Any = None
    training_file: Any = None
    trained_tokens: Any = None
    hyperparameters: Any = None
    method: Any = None
    seed: Any = None
    error: Any = None
    result_files: Any = None
    created_at: Any = None
    finished_at: Any = None
    estimated_finish: Any = None
    metadata: Any = None
    suffix: Any = None
    user_provided_suffix: Any = None

    @property
    def is_job(self) -> bool:
        """Tell whether this is a job and not, say, an error or another object behind the same route."""
        return bool(self.id) and self.object in (None, "fine_tuning.job")

    @property
    def pairs(self) -> dict[str, str]:
        """Return the metadata, empty where there is none."""
        if not isinstance(self.metadata, dict):
            return {}
        return {key: value for key, value in cast("dict[Any, Any]", self.metadata).items() if isinstance(value, str)}

    def bears(self, mark: str) -> bool:
        """Tell whether the job carries our mark, in its metadata or in its suffix; nothing else counts."""
        if METADATA_MARK in self.pairs:
            return self.pairs[METADATA_MARK] == mark
        token = suffix_token(mark)
        return any(
            isinstance(text, str) and token in text.lower()
            for text in (self.user_provided_suffix, self.suffix, self.fine_tuned_model)
        )


class EventWire(msgspec.Struct):
    """An event of any target."""

    message: str
    id: Any = None
    object: Any = None
    created_at: Any = None
    level: Any = None
    type: Any = None
    data: Any = None


class CheckpointWire(msgspec.Struct):
    """A checkpoint of any target."""

    id: str
    fine_tuned_model_checkpoint: str
    step_number: int
    object: Any = None
    created_at: Any = None
    metrics: Any = None


class FileWire(msgspec.Struct):
    """A file of any target."""

    id: str
    bytes: Any = None
    filename: Any = None
    status: Any = None


class UploadWire(msgspec.Struct):
    """An upload in parts, or one of its parts."""

    id: str
    file: FileWire | None = None


class ModelWire(msgspec.Struct):
    """A model of any target."""

    id: str
    created: Any = None
    owned_by: Any = None
    shutdown_date: Any = None
    tunewright: Any = None


def suffix_token(mark: str) -> str:
    """Return our mark as it stands in a suffix: lower case, as OpenAI lowers suffixes in model names."""
    return f"tw{mark.rpartition('-')[2].lower()}"


def marked_suffix(suffix: str | None, mark: str) -> str:
    """Return the user's suffix with our mark behind it, within OpenAI's 64 characters."""
    token = suffix_token(mark)
    if not suffix:
        return token[:64]
    return f"{suffix[: 63 - len(token)]}-{token}"


def job_of(wire: JobWire) -> RemoteJob:
    """Return the job as ours; an unknown status becomes "unknown", from which nothing is concluded."""
    return RemoteJob(
        id=wire.id,
        status=_STATUSES.get("".join(c for c in wire.status.lower() if c.isalnum()), "unknown"),
        raw_status=wire.status[:100],
        mark=wire.pairs.get(METADATA_MARK),
        model=_text(wire.model),
        fine_tuned_model=_text(wire.fine_tuned_model),
        training_file=_text(wire.training_file),
        trained_tokens=_whole(wire.trained_tokens),
        hyperparameters=_hyperparameters(wire),
        seed=_whole(wire.seed),
        error=_error(wire.error),
        result_files=_texts(wire.result_files),
        created_at=unix(wire.created_at),
        finished_at=unix(wire.finished_at),
        estimated_finish=int(unix(wire.estimated_finish) or 0) or None,
    )


def event_of(wire: EventWire) -> RemoteEvent:
    """Return the event as ours; its cursor holds its time too, for targets that draw new ids on every list."""
    created = int(unix(wire.created_at) or 0)
    data = cast("dict[str, Any]", wire.data) if isinstance(wire.data, dict) else {}
    known = _text(wire.id) or hashlib.sha256(msgspec.json.encode([wire.message, data])).hexdigest()[:24]
    return RemoteEvent(
        id=f"{created}:{known}",
        created_at=created,
        level=_LEVELS.get(str(wire.level).lower(), "info"),
        message=wire.message[:2_000],
        type="metrics" if wire.type == "metrics" else "message",
        data=data,
    )


def checkpoint_of(wire: CheckpointWire) -> RemoteCheckpoint:
    """Return the checkpoint as ours; metrics that are no numbers are left out."""
    metrics = cast("dict[str, Any]", wire.metrics) if isinstance(wire.metrics, dict) else {}
    return RemoteCheckpoint(
        id=wire.id,
        created_at=int(unix(wire.created_at) or 0),
        model=wire.fine_tuned_model_checkpoint,
        step_number=wire.step_number,
        metrics={name: float(value) for name, value in metrics.items() if _is_number(value)},
    )


def model_of(wire: ModelWire) -> RemoteModel:
    """Return the model as ours."""
    return RemoteModel(
        id=wire.id,
        created=int(created) if (created := unix(wire.created)) is not None else None,
        owned_by=_text(wire.owned_by),
        shutdown_date=_text(wire.shutdown_date),
    )


def honours_idempotency(said: object) -> bool:
    """Tell whether a `tunewright` member promises that equal Idempotency-Keys are one job."""
    return isinstance(said, dict) and cast("dict[str, Any]", said).get("idempotency_key") is True


def unix(value: object) -> float | None:
    """Return Unix seconds of an integer or an ISO text; None for anything else."""
    if _is_number(value):
        return float(cast("float", value))
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    return None


def csv_of(content: bytes) -> bytes:
    """Return the CSV of a result file, which OpenAI wraps in base64 and others do not (reference §9.4)."""
    if content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"step"):
        return content
    try:
        plain = base64.b64decode(b"".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return content
    return plain if b"," in plain[:1_000] else content


def _hyperparameters(wire: JobWire) -> Hyperparameters | None:
    method = _mapping(wire.method)
    inner = _mapping(_mapping(method.get(str(method.get("type")))).get("hyperparameters"))
    found = {**_mapping(wire.hyperparameters), **{name: value for name, value in inner.items() if value is not None}}
    known = {n: v for n, v in found.items() if n in Hyperparameters.__struct_fields__ and _is_setting(n, v)}
    return msgspec.convert(known, Hyperparameters) if known else None


def _is_setting(name: str, value: object) -> bool:
    if value == "auto":
        return name != "reasoning_effort"
    if name in {"n_epochs", "batch_size", "eval_interval", "eval_samples"}:
        return _whole(value) is not None and isinstance(value, int)
    return isinstance(value, str) if name == "reasoning_effort" else _is_number(value)


def _error(value: object) -> JobError | None:
    """Null, `{}` and all-null members mean no error."""
    if isinstance(value, str) and value:
        return JobError(code="server_error", message=value[:1_000])
    members = _mapping(value)
    code, message, param = (_text(members.get(name)) for name in ("code", "message", "param"))
    if code is None and message is None:
        return None
    return JobError(code=(code or "server_error")[:100], message=(message or code or "")[:1_000], param=param)


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(item for item in cast("list[object]", value) if isinstance(item, str) and item)


def _whole(value: object) -> int | None:
    return int(cast("float", value)) if _is_number(value) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
