"""A job that was posted while its dataset is still fetched from elsewhere: wait for the content, and hold it."""

import msgspec

from service.core import clock, moves
from service.core.jobs import Input, Job, JobError
from service.store import blob_refs
from service.store.due import Claim
from service.store.redis import Pipeline
from workers.context import Context

_LOOK_S = 3.0


class _Never(Exception):
    """No content will come; the message says why."""


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Note what the job's files hold; look again while they are fetched, fail the job if none will come."""
    try:
        training = await _arrived(context, job.training)
        validation = await _arrived(context, job.validation) if job.validation else None
    except _Never as never:
        error = JobError(code="invalid_training_file", message=str(never))
        await context.advance(claim, job, moves.fail(job, error, clock.now()))
        return None
    if not training.sha256 or (validation is not None and not validation.sha256):
        return _LOOK_S

    def also(pipe: Pipeline) -> None:
        for part in filter(None, (training, validation)):
            blob_refs.hold(pipe, part.sha256, job.id)

    change = moves.arrived(job, training, validation)
    await context.runtime.jobs.advance(job, change, claim=claim, also=also)
    return None


async def _arrived(context: Context, part: Input) -> Input:
    """Return the part with its content if that is here by now. Raises _Never."""
    if part.sha256:
        return part
    record = await context.runtime.files.get(part.file_id)
    if record is None:
        raise _Never(f"The file {part.file_id} was deleted before it was fetched.")
    if record.status == "error" and not record.has_content:
        raise _Never(f"The file {part.file_id} has no content. {record.status_details}")
    return msgspec.structs.replace(part, sha256=record.sha256, bytes=record.bytes)
