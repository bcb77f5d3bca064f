"""Bytes that were accepted, as a file on this machine; whoever reads them learns if they are not what they were."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from service.store.blobs import BlobStore, content_key


class ContentCorrupt(Exception):
    """The stored bytes are not those that were accepted: their SHA-256 is another one."""

    def __init__(self, sha256: str) -> None:
        super().__init__(
            f"The stored bytes are not those that were accepted (SHA-256 {sha256[:12]}… was expected). Upload the "
            "file again, and look at the disk of the blob store."
        )
        self.sha256 = sha256


@asynccontextmanager
async def verified(blobs: BlobStore, sha256: str) -> AsyncGenerator[Path]:
    """Give a file with the bytes of that hash, read once to be sure. Raises ContentCorrupt, BlobMissing."""
    async with blobs.local_path(content_key(sha256)) as path:
        check_hash(await asyncio.to_thread(_hash, path), sha256)
        yield path


def check_hash(found: str, expected: str) -> None:
    """Raise ContentCorrupt unless the two are equal."""
    if found != expected:
        raise ContentCorrupt(expected)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
