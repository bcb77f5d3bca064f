"""This machine: vocabularies, what is compiled, bytes, room, and who may come in."""

import asyncio
import shutil
from pathlib import Path

from service.check.compiled import native
from service.check.lengths import TokenizerUnusable, UncountableText
from service.check.open_counter import OpenCounter
from service.check.vocab import SHA256, VocabularyDamaged, verify
from service.cli.doctor.finding import Finding, failed, ok, skipped, warning
from service.core.errors import TunewrightError
from service.settings import Settings
from service.store.blob_objects import ObjectStoreUnsupported
from service.store.blobs import open_blobs
from service.store.tokenizers import TokenizerInvalid, find_tokenizer

LEAST_FREE_BYTES = 200_000_000
FEW_FREE_BYTES = 2_000_000_000
_PROBE_S = 20.0


async def vocabularies() -> list[Finding]:
    """Rebuild each vocabulary and compare its SHA-256."""
    found: list[Finding] = []
    for name in SHA256:
        try:
            tokens = await asyncio.to_thread(verify, name)
        except VocabularyDamaged as error:
            found.append(failed("vocabulary", str(error), "Install Tunewright again; token counts depend on it."))
        else:
            found.append(ok("vocabulary", f"{name}: {tokens:,} tokens, SHA-256 as published"))
    return found


def compiled_check() -> Finding:
    """Look whether the check's compiled part was installed."""
    if native is not None:
        return ok("compiled check", "lines are read, counted and searched in compiled code")
    return warning(
        "compiled check",
        "the check's compiled part is missing: datasets are checked at some hundredth of the speed",
        "Install a C compiler and Python's headers, then Tunewright again (`make setup` after removing .venv/.ready).",
    )


async def tokenizers(settings: Settings) -> list[Finding]:
    """Open the tokenizer of each model that the operator declares, and count a word with it."""
    return [await asyncio.to_thread(_tokenizer, name, Path(model.tokenizer)) for name, model in settings.models.items()]


def _tokenizer(name: str, path: Path) -> Finding:
    try:
        known = find_tokenizer(path)
        counter = OpenCounter(known)
        counter.count("word")
    except TokenizerInvalid as error:
        return failed("tokenizer", f"{name}: {error}", f"Mend `tokenizer` of [models.{name}] in tunewright.toml.")
    except (TokenizerUnusable, UncountableText) as error:
        return failed("tokenizer", f"{name}: {error}", f"Give [models.{name}] the tokenizer.json of the model itself.")
    told = counter.versions()
    return ok("tokenizer", f"{name}: {told['tokenizer']}; chats: {told['chat_layout']}")


async def blobs(settings: Settings, *, is_there: bool) -> list[Finding]:
    """Write, read and delete a byte where datasets go."""
    if settings.blob_url is None and not is_there:
        return [skipped("blob store", f"nothing was stored in {settings.data_dir} yet")]
    try:
        async with asyncio.timeout(_PROBE_S):
            await (await open_blobs(settings.blobs)).probe()
    except TimeoutError:
        return [failed("blob store", f"no answer within {_PROBE_S:.0f} s", _blob_remedy(settings))]
    except (OSError, TunewrightError, ObjectStoreUnsupported) as error:
        return [failed("blob store", f"can't be written to: {str(error).splitlines()[0]}", _blob_remedy(settings))]
    return [ok("blob store", "a byte was written, read and deleted")]


def room(settings: Settings) -> list[Finding]:
    """Look at the free room of the disks that the data folder and a blob folder are on."""
    folders = {"data folder": settings.data_dir}
    if settings.blob_url is not None and "://" not in settings.blob_url:
        folders["blob folder"] = Path(settings.blob_url)
    return [_room(name, folder.absolute()) for name, folder in folders.items()]


def door(settings: Settings, *, has_keys: bool) -> Finding:
    """Look who may use the service."""
    if has_keys:
        return ok("access", "API keys were made; every caller needs one")
    if settings.is_loopback:
        return ok("access", f"no API key: {settings.host} serves programs on this machine only")
    return failed(
        "access",
        f"{settings.host} can be reached from other machines and no API key was made; the service will not start",
        "Make one: tunewright keys create",
    )


def _room(name: str, folder: Path) -> Finding:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        usage = shutil.disk_usage(place)
    except OSError as error:
        return failed(f"room in the {name}", f"{folder} can't be looked at: {error.strerror}", "Give another folder.")
    free = f"{usage.free / 1e9:,.1f} GB free at {folder}"
    remedy = "Make room, or let --data-dir or blob_url name a larger disk; without room nothing is accepted."
    if usage.free < LEAST_FREE_BYTES:
        return failed(f"room in the {name}", free, remedy)
    if usage.free < FEW_FREE_BYTES or usage.free < 0.05 * usage.total:
        return warning(f"room in the {name}", free, remedy)
    return ok(f"room in the {name}", free)


def _blob_remedy(settings: Settings) -> str:
    where = "the folder's owner and rights" if "://" not in settings.blobs else "blob_url and its credentials"
    return f"Look at {where}; without it nothing is accepted."
