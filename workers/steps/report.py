"""Make reports: one per content, model and method, kept in the blob store."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from service.check.engine import check_file
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import Report
from service.store.blobs import content_key
from service.store.due import Claim
from service.store.reports import ReportRequest
from workers.context import Context


async def look(context: Context, claim: Claim, digest: str) -> float | None:
    """Answer a client's wish for a report under another model or method."""
    del claim
    request = await context.runtime.reports.asked(digest)
    if request is not None:
        await ensure(context, request)
        await context.runtime.reports.answered(digest)
    return None


async def ensure(context: Context, request: ReportRequest) -> Report | None:
    """Return the report, made now if it is not kept yet; None for a model of which nothing is known."""
    runtime = context.runtime
    kept = await runtime.reports.get(request)
    if kept is not None:
        return kept
    profile = runtime.catalogue.profile(request.model, request.method)
    if profile is None:
        return None
    async with _local(context, request.sha256) as path, _local(context, request.validation_sha256) as validation:
        made = await asyncio.to_thread(_check, path, validation, profile, request)
    await runtime.reports.keep(request, made)
    return made


def _check(path: Path | None, validation: Path | None, profile: CheckProfile, request: ReportRequest) -> Report:
    if path is None:
        raise ValueError("a report needs a file")
    return check_file(path, profile=profile, validation=validation, dataset_id=request.file_id)


@asynccontextmanager
async def _local(context: Context, sha256: str | None) -> AsyncGenerator[Path | None]:
    if sha256 is None:
        yield None
        return
    async with context.runtime.blobs.local_path(content_key(sha256)) as path:
        yield path
