"""Make datasets of another one, as a plan says, and hand them on to their check."""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import IO

import msgspec

from service.core import trials
from service.core.dataset.profile import CheckProfile
from service.core.derivations import DerivationPlan
from service.core.prepare.diff import Diff
from service.prepare.pipeline import prepare
from service.prepare.rows import PrepareFailed
from service.prepare.run import Preparation
from service.store.blobs import CHUNK_BYTES, Blob
from service.store.due import Claim
from workers.content import ContentCorrupt, verified
from workers.context import Context
from workers.steps import rejection
from workers.trial import WorkerLost, on_trial

_SHOWN = 300


async def look(context: Context, claim: Claim, plan_id: str) -> float | None:
    """Make what a plan asks for; without a plan it is done already. The same plan makes the same bytes every time."""
    runtime = context.runtime
    plan = await runtime.derivations.get(plan_id)
    if plan is None:
        return None
    if not await runtime.files.get_many(list(plan.outputs)):  # all were deleted meanwhile
        await runtime.derivations.drop(plan)
        return None
    try:
        async with on_trial(context, claim, f"derive:{plan_id}", "Making this dataset"):
            made = await _made(context, plan)
    except PrepareFailed as error:
        await _fail(context, plan, error)
        return None
    except ContentCorrupt as corrupt:
        await _fail(context, plan, PrepareFailed("dataset_corrupt", str(corrupt)))
        return None
    except WorkerLost as lost:
        await _fail(context, plan, PrepareFailed(trials.LOST, str(lost)))
        return None
    await runtime.derivations.finish(plan, made)
    return None


async def _made(context: Context, plan: DerivationPlan) -> list[Blob]:
    """Return the contents of the outputs, each stored, held by its output, and its diff beside it."""
    blobs = context.runtime.blobs
    async with AsyncExitStack() as stack:
        paths = [await stack.enter_async_context(verified(blobs, part.sha256)) for part in plan.inputs]
        what = _preparation(context, plan, paths)
        files = [stack.enter_context(_unnamed()) for _ in what.parts]
        diffs = await asyncio.to_thread(prepare, what, files)
        return [
            await _stored(context, plan, file_id, file, diff)
            for file_id, file, diff in zip(plan.outputs, files, diffs, strict=True)
        ]


def _preparation(context: Context, plan: DerivationPlan, paths: Sequence[Path]) -> Preparation:
    catalogue = context.runtime.catalogue

    def profile_of(model: str) -> CheckProfile | None:
        return catalogue.profile(model, "supervised")

    merged = {part.file_id: path for part, path in zip(plan.merged, paths[1:], strict=True)}
    limit = context.runtime.settings.max_dataset_bytes
    return Preparation(paths[0], plan.operations, merged, profile_of, plan.model, plan.method, limit)


def _unnamed() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="tunewright-derive-")


async def _stored(context: Context, plan: DerivationPlan, file_id: str, file: IO[bytes], diff: Diff) -> Blob:
    runtime = context.runtime
    file.seek(0)
    async with runtime.blobs.open_write() as writer:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            await writer.write(chunk)
        blob = await writer.seal()
        await runtime.files.refs.commit(writer, blob.sha256, file_id)
    whole = msgspec.structs.replace(diff, dataset=file_id, derived_from=plan.source.file_id)
    await runtime.derivations.keep_diff(file_id, blob.sha256, whole)
    return blob


async def _fail(context: Context, plan: DerivationPlan, error: PrepareFailed) -> None:
    """Reject the outputs, saying which operation could not be done, and why."""
    where = "" if error.operation is None else f"operations[{error.operation}]: "
    details = f"{where}{str(error)[:_SHOWN]} ({error.code})"

    for file_id in plan.outputs:
        await rejection.unmade(context, file_id, error.code, details)
    await context.runtime.derivations.drop(plan)
