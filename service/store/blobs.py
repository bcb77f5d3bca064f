"""Bytes that are too many for Redis, behind one small interface: datasets by content hash, others by name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import msgspec

CHUNK_BYTES = 1 << 20
CONTENT = "sha256/"
PARTS = "uploads/"


class Blob(msgspec.Struct, frozen=True, kw_only=True):
    """What a blob holds that is wholly and durably stored."""

    sha256: str
    bytes: int


class StoredBlob(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a listing; `modified_at` in Unix seconds."""

    key: str
    bytes: int
    modified_at: float


class BlobMissing(Exception):
    """No blob has this key."""


class BlobWriter(Protocol):
    """Takes bytes until `commit`; what was not committed leaves nothing behind."""

    async def write(self, chunk: bytes) -> None:
        """Add bytes. Raises Unavailable where the store has no room."""
        ...

    async def seal(self) -> Blob:
        """End the writing and return the content's name; nothing can be read under it before `commit`."""
        ...

    async def commit(self) -> Blob:
        """Seal if that was not done, and make the blob readable; on return it survives a power cut."""
        ...


class BlobStore(Protocol):
    """A folder or an object store. Keys are made by us, never by a client.

    Every method raises Unavailable where the store can't be reached or is full.
    """

    def open_write(self, key: str | None = None) -> AbstractAsyncContextManager[BlobWriter]:
        """Begin a blob under `key`, or (None) under its content's; leaving the context without `commit` drops it."""
        ...

    def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream bytes `start` to `end` (exclusive; None: to the last). Raises BlobMissing at the first step."""
        ...

    async def size(self, key: str) -> int | None:
        """Return the length in bytes, or None if there is no such blob."""
        ...

    async def exists(self, key: str) -> bool:
        """Tell whether there is such a blob."""
        ...

    async def put(self, key: str, data: bytes) -> None:
        """Store a small named blob, replacing an old one whole."""
        ...

    async def get(self, key: str) -> bytes | None:
        """Return a small blob, or None if there is none."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a blob; none there is no error."""
        ...

    def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """List the blobs whose key begins with folder `prefix` (ends with a slash)."""
        ...

    def local_path(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Give a file on this machine with the blob's bytes, for as long as the context lasts. Raises BlobMissing."""
        ...

    async def probe(self) -> None:
        """Write, read and delete a byte; raises Unavailable."""
        ...

    async def sweep(self, older_than: float) -> int:
        """Remove what cut-off writers left before Unix second `older_than`; return how many."""
        ...


def content_key(sha256: str) -> str:
    """Return the key of the content with this hash (lower-case hexadecimal)."""
    return f"{CONTENT}{sha256[:2]}/{sha256[2:]}"


def sha256_of(key: str) -> str:
    """Return the hash whose content is stored under `key`."""
    return key.removeprefix(CONTENT).replace("/", "")


def part_key(upload_id: str, part_id: str) -> str:
    """Return the key of a part of an upload, until the upload ends."""
    return f"{PARTS}{upload_id}.{part_id}"


def report_folder(sha256: str) -> str:
    """Return the folder of a content's reports; they go when the content goes."""
    return f"reports/{sha256[:2]}/{sha256[2:]}/"


async def open_blobs(url: str) -> BlobStore:
    """Open the folder or object store at `url` (Settings.blobs)."""
    if "://" in url and not url.startswith("file://"):
        from service.store.blob_objects import ObjectBlobs

        return ObjectBlobs.open(url)
    from service.store.blob_folder import FolderBlobs

    return await asyncio.to_thread(FolderBlobs.open, Path(url.removeprefix("file://")))
