"""Step `uploading`: make the job's bytes available to its provider, each content once."""

from contextlib import suppress

from service.core import ids, moves
from service.core.jobs import Input, Job
from service.store.due import Claim
from service.store.remote_files import RemoteFiles
from workers.content import verified
from workers.context import Context, Later
from workers.providers.protocol import ProviderError, Upload
from workers.steps.failures import after_failure

_LOOK_S = 2.0


async def run(context: Context, claim: Claim, job: Job) -> float | None:
    """Upload what the provider does not have yet, and go on to creating."""
    try:
        training = await _remote_file(context, claim, job, job.training)
        validation = await _remote_file(context, claim, job, job.validation) if job.validation else None
    except ProviderError as error:
        return await after_failure(context, claim, job, error)
    await context.advance(claim, job, moves.uploaded(job, training, validation))
    return None


async def _remote_file(context: Context, claim: Claim, job: Job, part: Input) -> str:
    """Return the provider's id of the content, uploaded now if need be. Raises Later while another one uploads it."""
    files = RemoteFiles(context.runtime.redis, job.provider)
    if (kept := await files.get(part.sha256)) is not None:
        return kept
    lease = files.lease(part.sha256, claim.lease_s)
    if not await lease.take():
        raise Later(_LOOK_S)
    try:
        async with lease.renewed(), verified(context.runtime.blobs, part.sha256) as path:
            upload = Upload(
                path=path,
                filename=part.filename,
                sha256=part.sha256,
                bytes=part.bytes,
                journal=files.journal(part.sha256),
            )
            file_id = await context.provider_of(job).upload(upload)
            await files.keep(part.sha256, file_id)
    finally:
        await lease.release()
    return file_id


async def discard(context: Context, job: Job) -> None:
    """Delete the files of a job that has ended at a provider that takes none like it, unless another one needs them."""
    sent = ((job.training, job.remote.training_file), (job.validation, job.remote.validation_file))
    for part, file_id in sent:
        if part is None or file_id is None or await _is_needed(context, job.provider, part.sha256):
            continue
        await RemoteFiles(context.runtime.redis, job.provider).forget(part.sha256)
        with suppress(ProviderError):  # it costs storage there, no more
            await context.provider_of(job).delete_file(file_id)


async def _is_needed(context: Context, provider: str, sha256: str) -> bool:
    """Tell whether a job that has not ended is made of the content at `provider`, or is to be."""
    owners = await context.runtime.files.refs.owners(sha256)
    jobs = await context.runtime.jobs.get_many(sorted(owner for owner in owners if owner.startswith(ids.JOB)))
    return any(job.provider == provider and not job.is_terminal for job in jobs)


async def forget(context: Context, job: Job) -> None:
    """Drop the remembered file ids, when the provider says that it does not know them any more."""
    for part in filter(None, (job.training, job.validation)):
        await RemoteFiles(context.runtime.redis, job.provider).forget(part.sha256)
