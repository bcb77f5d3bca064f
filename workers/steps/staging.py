"""What uploads in parts leave behind: the staged bytes of those that ended, and of those that nobody knows any more."""

from service.core import clock
from service.core.errors import NotFound
from service.core.uploads import LIFE_S
from service.runtime import Runtime
from service.store.blobs import PARTS, part_key
from service.store.due import Claim
from service.store.leases import LEASE_S
from workers.context import Context


async def look(context: Context, claim: Claim, upload_id: str) -> float | None:
    """Delete an upload's parts once it is completed, cancelled or expired; until then wait for the end of its life."""
    del claim
    runtime, now = context.runtime, clock.now()
    try:
        upload = await runtime.uploads.get(upload_id)
    except NotFound:
        return None  # kept for a week; its parts are left to `sweep`
    if upload.status == "pending":
        return max(1.0, upload.expires_at - now)
    if upload.status == "expired" and await runtime.uploads.is_completing(upload_id):
        return LEASE_S
    for part_id in await runtime.uploads.parts(upload_id):
        await runtime.blobs.delete(part_key(upload_id, part_id))
    await runtime.uploads.forget_parts(upload_id)
    return None


async def sweep(runtime: Runtime, older_than: float) -> int:
    """Delete staged parts last written before Unix second `older_than`, and before any upload that may be open began.

    They were stored, and whoever was to record them was killed. Returns how many.
    """
    before = min(older_than, clock.now() - 2 * LIFE_S)
    old = [blob.key async for blob in runtime.blobs.list(PARTS) if blob.modified_at < before]
    for key in old:
        await runtime.blobs.delete(key)
    return len(old)
