"""What the world is told of a change of a job: derived from the two records, so that no caller can forget it."""

from typing import Any

from service.core.files import FileRecord
from service.core.ids import WEBHOOK_EVENT, make
from service.core.jobs import Job, Status
from service.core.webhooks import WebhookMessage

_BY_STATUS: dict[Status, str] = {
    "queued": "fine_tuning.job.queued",
    "running": "fine_tuning.job.running",
    "paused": "fine_tuning.job.paused",
    "succeeded": "fine_tuning.job.succeeded",
    "failed": "fine_tuning.job.failed",
    "cancelled": "fine_tuning.job.cancelled",
}


def announcements(old: Job | None, new: Job) -> list[str]:
    """Return the event types that the change from `old` to `new` announces, in order."""
    if old is None:
        return ["fine_tuning.job.created"]
    types: list[str] = []
    if old.step == "checking" and new.step == "pricing":
        types.append("fine_tuning.job.validated")
    if old.estimate is None and new.estimate is not None:
        types.append("fine_tuning.job.estimated")
    if old.status == "paused" and new.status not in {"paused", "failed", "cancelled", "succeeded"}:
        types.append("fine_tuning.job.resumed")
    elif old.status != new.status and new.status in _BY_STATUS and not new.is_terminal:
        types.append(_BY_STATUS[new.status])
    if len(new.remote.extras) > len(old.remote.extras):
        types.append("fine_tuning.job.duplicate_cancelled")
    known = {checkpoint.id for checkpoint in old.checkpoints}
    types.extend("fine_tuning.job.checkpoint" for checkpoint in new.checkpoints if checkpoint.id not in known)
    if new.is_terminal and not old.is_terminal:
        types.append(_BY_STATUS[new.status])
    return types


def payload(job: Job, sequence: int) -> dict[str, Any]:
    """Return the `data` member of a webhook about `job`: OpenAI's id, ours under `tunewright`."""
    facts: dict[str, Any] = {
        "status": job.status,
        "stage": job.stage,
        "sequence": sequence,
        "model": job.model,
        "fine_tuned_model": job.fine_tuned_model,
    }
    if job.checkpoints:
        facts["checkpoint"] = job.checkpoints[-1].model
    if job.error:
        facts["error"] = {"code": job.error.code, "message": job.error.message[:500], "param": job.error.param}
    return {"id": job.id, "tunewright": facts}


def dataset_message(record: FileRecord, now: float) -> WebhookMessage:
    """Return the webhook that tells what became of a dataset: it is ready, or rejected."""
    facts = {
        "status": record.dataset_status,
        "sequence": 0,
        "format": record.format,
        "examples": record.examples,
        "error_count": record.error_count,
        "warning_count": record.warning_count,
    }
    return WebhookMessage(
        id=make(WEBHOOK_EVENT),
        type="dataset.rejected" if record.status == "error" else "dataset.ready",
        created_at=int(now),
        data={"id": record.id, "tunewright": facts},
    )
