"""Plans of datasets that are to be made of others, and the step from a plan to the datasets' contents."""

from collections.abc import Callable, Sequence
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from service.core.derivations import DerivationPlan
from service.core.errors import Conflict
from service.core.files import FileRecord
from service.core.prepare.diff import Diff
from service.store import blob_refs, due, keys
from service.store.blobs import Blob, BlobStore, report_folder
from service.store.changes import announce
from service.store.files import FileStore, Guard, queue_create, queue_fill
from service.store.redis import Pipeline

_ATTEMPTS = 10
_decoder = msgspec.json.Decoder(DerivationPlan)
_diffs = msgspec.json.Decoder(Diff)


class DerivationStore:
    """Reads and changes plans; the diffs of what was made lie beside its content, and go with it."""

    def __init__(self, redis: Redis, files: FileStore, blobs: BlobStore) -> None:
        self._redis = redis
        self._files = files
        self._blobs = blobs

    async def create(
        self,
        plan: DerivationPlan,
        records: Sequence[FileRecord],
        also: Callable[[Pipeline], None],
        guard: Guard,
        created_micros: int,
    ) -> None:
        """Store the plan with the records of its outputs, which have no content yet, and ring for a worker.

        The inputs are held until the plan is done. Raises what `guard` raises, and Conflict.
        """

        def whole(pipe: Pipeline) -> None:
            for behind, record in enumerate(records[1:], 1):
                queue_create(pipe, record, created_micros + behind)
            for part in plan.inputs:
                blob_refs.hold(pipe, part.sha256, plan.id)
            pipe.set(keys.derivation(plan.id), msgspec.json.encode(plan))
            due.ring(pipe, f"derive:{plan.id}")
            also(pipe)

        await self._files.create(records[0], whole, guard, created_micros=created_micros)

    async def get(self, plan_id: str) -> DerivationPlan | None:
        """Return a plan that is not done yet."""
        raw = cast("bytes | None", await self._redis.get(keys.derivation(plan_id)))
        return None if raw is None else _decoder.decode(raw)

    async def finish(self, plan: DerivationPlan, made: Sequence[Blob]) -> None:
        """Give the outputs that still exist their content, have them checked, and forget the plan, in one MULTI.

        Each content is held by its output already. Once done, doing it again changes nothing.
        """
        names = [keys.derivation(plan.id), *map(keys.file, plan.outputs)]
        async with self._redis.pipeline(transaction=True) as pipe:
            for _ in range(_ATTEMPTS):
                try:
                    await pipe.watch(*names)
                    if not await pipe.exists(names[0]):
                        return
                    records = await self._files.get_many(list(plan.outputs))
                    pipe.multi()
                    for record in records:
                        queue_fill(pipe, record, made[plan.outputs.index(record.id)])
                    _forget(pipe, plan)
                    await pipe.execute()
                except WatchError:
                    continue
                return
        raise Conflict(f"The datasets of {plan.id} could not be written; try again.")

    async def drop(self, plan: DerivationPlan) -> None:
        """Forget a plan whose outputs can't be made, or are all gone."""
        async with self._redis.pipeline(transaction=True) as pipe:
            _forget(pipe, plan)
            await pipe.execute()

    async def keep_diff(self, file_id: str, sha256: str, diff: Diff) -> None:
        """Store what a dataset's making changed."""
        await self._blobs.put(_diff_key(file_id, sha256), msgspec.json.encode(diff))

    async def diff(self, record: FileRecord) -> Diff | None:
        """Return what a dataset's making changed, None for one that was not derived or is not made."""
        raw = await self._blobs.get(_diff_key(record.id, record.sha256)) if record.has_content else None
        return None if raw is None else _diffs.decode(raw)


def _forget(pipe: Pipeline, plan: DerivationPlan) -> None:
    pipe.delete(keys.derivation(plan.id))
    for part in plan.inputs:
        blob_refs.drop(pipe, part.sha256, plan.id)
    for file_id in plan.outputs:
        announce(pipe, file_id)


def _diff_key(file_id: str, sha256: str) -> str:
    return f"{report_folder(sha256)}diff-{file_id}.json"
