"""Step `uploading`: make the job's bytes available to its provider, each content once."""

from contextlib import suppress
from typing import cast

from service.core import moves
from service.core.jobs import Input, Job
from service.store import keys
from service.store.due import Claim
from workers.content import verified
from workers.context import Context
from workers.providers.protocol import ProviderError, Upload
from workers.steps.failures import after_failure


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Upload what the provider does not have yet, and go on to creating."""
    try:
        training = await _remote_file(context, job, job.training)
        validation = await _remote_file(context, job, job.validation) if job.validation else None
    except ProviderError as error:
        return await after_failure(context, claim, job, error)
    await context.advance(claim, job, moves.uploaded(job, training, validation))
    return None


async def _remote_file(context: Context, job: Job, part: Input) -> str:
    redis, key = context.runtime.redis, keys.remote_upload(job.provider, part.sha256)
    kept = cast("bytes | None", await redis.get(key))
    if kept is not None:
        return kept.decode()
    async with verified(context.runtime.blobs, part.sha256) as path:
        upload = Upload(path=path, filename=part.filename, sha256=part.sha256, bytes=part.bytes)
        file_id = await context.provider_of(job).upload(upload)
    await redis.set(key, file_id)
    return file_id


async def discard(context: Context, job: Job) -> None:
    """Delete the job's files at a provider that takes no jobs, unless an open job there was made of them."""
    used: set[str | None] = set()
    for other in await context.runtime.jobs.open_at(job.provider):
        used |= {other.remote.training_file, other.remote.validation_file}
    await forget(context, job)
    for file_id in {job.remote.training_file, job.remote.validation_file} - used:
        if file_id is not None:
            with suppress(ProviderError):  # it costs storage there, no more
                await context.provider_of(job).delete_file(file_id)


async def forget(context: Context, job: Job) -> None:
    """Drop the remembered file ids, when the provider says that it does not know them any more."""
    for part in filter(None, (job.training, job.validation)):
        await context.runtime.redis.delete(keys.remote_upload(job.provider, part.sha256))
