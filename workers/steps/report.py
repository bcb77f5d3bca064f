"""Make reports: one per content, model and method, kept in the blob store."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from service.check.engine import check_file
from service.core import trials
from service.core.catalogue import MIN_EXAMPLES, USUAL_FORMATS
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import Report
from service.store.blobs import content_key
from service.store.due import Claim
from service.store.reports import ReportRequest
from workers.content import ContentCorrupt, check_hash, verified
from workers.context import Context
from workers.steps import rejection
from workers.trial import WorkerLost, on_trial

_log = logging.getLogger(__name__)


async def look(context: Context, claim: Claim, digest: str) -> float | None:
    """Answer a client's wish for a report under another model or method."""
    request = await context.runtime.reports.asked(digest)
    if request is not None:
        try:
            await ensure(context, claim, request)
        except ContentCorrupt as corrupt:
            for file_id in filter(None, (request.file_id, request.validation_id)):
                await rejection.corrupt(context, file_id, corrupt)
        except WorkerLost as lost:
            _log.error("report %s of %s: %s", digest, request.file_id, lost)  # the API says so, too
        await context.runtime.reports.answered(digest)
    return None


async def ensure(context: Context, claim: Claim, request: ReportRequest) -> Report:
    """Return the report without estimates, made now if it is not kept yet. Raises ContentCorrupt, WorkerLost and Later.

    A model that the catalogue lacks has no known encoding: its lines are judged by the method's usual forms, and no
    tokens are told, which the report says.
    """
    runtime = context.runtime
    kept = await runtime.reports.get(request)
    if kept is not None:
        return kept
    known = runtime.catalogue.profile(request.model, request.method)
    profile = msgspec.structs.replace(known or _unknown(request), item_fields=request.reads)
    async with (
        on_trial(context, claim, trials.check_of(request.file_id), trials.CHECKING),
        runtime.blobs.local_path(content_key(request.sha256)) as path,
        _validation(context, request.validation_sha256) as validation,
    ):
        made = await asyncio.to_thread(
            check_file, path, profile=profile, validation=validation, dataset_id=request.file_id
        )
    check_hash(made.sha256, request.sha256)
    await runtime.reports.keep(request, made)
    return made


def _unknown(request: ReportRequest) -> CheckProfile:
    return CheckProfile(
        model=request.model,
        method=request.method,
        encoding="unknown",
        max_example_tokens=None,
        min_examples=MIN_EXAMPLES,
        formats=USUAL_FORMATS[request.method],
    )


@asynccontextmanager
async def _validation(context: Context, sha256: str | None) -> AsyncGenerator[Path | None]:
    if sha256 is None:
        yield None
        return
    async with verified(context.runtime.blobs, sha256) as path:
        yield path
