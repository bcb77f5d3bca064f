"""Fetch a dataset from elsewhere: at most one try a look, the bytes streamed into the blob store."""

import logging

import msgspec

from service.core import clock
from service.core.errors import InvalidRequest, TooLarge, UnsupportedMedia
from service.core.files import FileRecord
from service.core.sources import MOST_TRIES, SourceFailed, SourceWish, next_try_s
from service.store import keys
from service.store.blobs import Blob
from service.store.due import Claim
from service.store.encodings import decoded
from service.store.redis import Pipeline
from workers.context import Context
from workers.sources.fetching import Sources
from workers.steps import rejection
from workers.trial import WorkerLost, on_trial

_NO_SLOT_S = 3.0
_log = logging.getLogger(__name__)


async def run(context: Context, claim: Claim, record: FileRecord) -> float | None:
    """Bring the content of `record`, which has none. It is looked at again for its check, or for the next try."""
    store = context.runtime.sources
    wish = await store.wish(record.id)
    if wish is None:
        await _give_up(context, record, "The address of the source is not known any more.")
        return None
    if wish.tries >= MOST_TRIES:  # no try failed, or it would have been given up: all of them were cut short
        await _give_up(context, record, "Every try to fetch it was cut short.")
        return None
    slot = await store.slot(context.runtime.settings.source_slots)
    if slot is None:
        return _NO_SLOT_S
    try:
        async with slot.renewed(), on_trial(context, claim, f"fetch:{record.id}", "Fetching this dataset"):
            wish = msgspec.structs.replace(wish, tries=wish.tries + 1)
            await store.note(record.id, wish)
            await _fetch(context, record, wish)
    except SourceFailed as failure:
        return await _failed(context, record, wish, failure)
    except WorkerLost as lost:
        await _give_up(context, record, str(lost))
        return None
    finally:
        await slot.release()
    return 0.0


async def _fetch(context: Context, record: FileRecord, wish: SourceWish) -> None:
    runtime = context.runtime
    sources = Sources(runtime.settings)
    try:
        async with sources.open(wish.url) as body, runtime.blobs.open_write() as writer:
            most, size = runtime.settings.max_dataset_bytes, 0
            async for chunk in decoded(body.chunks, body.encoding, most):
                size += len(chunk)
                if size > most:
                    raise SourceFailed(f"The file has more than the {most:,} bytes that are taken.", retryable=False)
                await writer.write(chunk)
            blob = await writer.seal()
            _check_hash(blob, wish)
            await runtime.files.refs.commit(writer, blob.sha256, record.id)
    except (InvalidRequest, TooLarge, UnsupportedMedia) as error:  # of the content's encoding
        raise SourceFailed(error.message, retryable=False) from error
    finally:
        sources.close()
    stored = await runtime.sources.arrived(record.id, blob.sha256, blob.bytes)
    if stored is None or stored.sha256 != blob.sha256:  # deleted meanwhile, or fetched by another with other content
        await runtime.files.refs.let_go(blob.sha256, record.id)


def _check_hash(blob: Blob, wish: SourceWish) -> None:
    if wish.sha256 not in {None, blob.sha256}:
        raise SourceFailed(f"The SHA-256 of the content is {blob.sha256}, not {wish.sha256}.", retryable=False)


async def _failed(context: Context, record: FileRecord, wish: SourceWish, failure: SourceFailed) -> float | None:
    pause_s = next_try_s(wish, failure, clock.now())
    _log.info("sources: try %d for %s: %s", wish.tries, record.id, failure.message)
    if pause_s is None:
        await _give_up(context, record, failure.message)
    return pause_s


async def _give_up(context: Context, record: FileRecord, why: str) -> None:
    """Reject the dataset, with the reason where OpenAI's file has one."""

    def also(pipe: Pipeline) -> None:
        pipe.delete(keys.source(record.id))

    await rejection.unmade(context, record.id, "source_not_fetched", f"The source was not fetched. {why}", also)
