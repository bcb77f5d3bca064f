"""Collect what nobody needs any more: expired files, contents without owner, leftovers of cut-off writes, old runs."""

import logging

from service.core import ids
from service.store.due import Claim
from workers.context import Context
from workers.providers.protocol import ProviderError
from workers.steps import staging

_log = logging.getLogger(__name__)


async def look(context: Context, claim: Claim, object_id: str) -> float | None:
    """Collect once; the ticker rings again every ten minutes."""
    del claim, object_id
    runtime = context.runtime
    now = await runtime.due.now()
    expired = await runtime.files.expired(now)
    for file_id in expired:
        await runtime.files.delete(file_id)
    older_than = now - runtime.settings.blob_grace_s

    async def is_alive(owner: str) -> bool:
        if owner.startswith(ids.JOB):
            job = await runtime.jobs.get(owner)
            return job is not None and not job.is_terminal
        if owner.startswith(ids.DERIVATION):
            return await runtime.derivations.get(owner) is not None
        return await runtime.files.get(owner) is not None

    contents = await runtime.files.refs.collect(runtime.blobs, older_than, is_alive)
    leftovers = await runtime.blobs.sweep(older_than) + await staging.sweep(runtime, older_than)
    runs = await _collect_runs(context, older_than)
    if expired or contents or leftovers or runs:
        _log.info("collected %d files, %d contents, %d leftovers, %d runs", len(expired), contents, leftovers, runs)
    return None


async def _collect_runs(context: Context, older_than: float) -> int:
    """Have every provider drop what jobs left that neither run any more nor have a model that is still known."""
    runtime = context.runtime
    with_models = {model.job_id for model in await runtime.models.list()}

    async def is_needed(mark: str) -> bool:
        job = await runtime.jobs.get(mark)
        return mark in with_models or (job is not None and not job.is_terminal)

    count = 0
    for name in context.providers.names:
        try:
            count += await context.providers.get(name).collect(is_needed, older_than=older_than)
        except ProviderError as error:
            _log.warning("collect: provider %s: %s", name, error.reason)
    return count
