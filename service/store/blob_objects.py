"""Blobs in S3, Google Cloud Storage or Azure through `obstore` (extra `objects`); credentials as its SDKs find them.

A write goes to a spool file of this machine first: the content's name is known only at its end, and a server-side copy
from a temporary key would stop at 5 GB on S3.
"""

import importlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from types import ModuleType
from typing import Any, cast

from service.core.errors import Unavailable
from service.store.blob_folder import Spool
from service.store.blobs import CHUNK_BYTES, Blob, BlobMissing, StoredBlob, content_key

_PART_BYTES = 8 << 20
_PARTS_AT_ONCE = 4


class ObjectStoreUnsupported(Exception):
    """The blob URL needs the extra `objects`, or is none that it knows."""


class ObjectBlobs:
    """A BlobStore in an object store; `store` is one of obstore's."""

    def __init__(self, store: Any, spool_folder: Path | None = None) -> None:
        self._obstore = cast("Any", _library())
        self._store = store
        self._folder = spool_folder or Path(tempfile.gettempdir())

    @classmethod
    def open(cls, url: str) -> "ObjectBlobs":
        """Open `s3://bucket/prefix`, `gs://…` or `az://…`. Raises ObjectStoreUnsupported."""
        library = cast("Any", _library())
        try:
            return cls(library.store.from_url(url))
        except (ValueError, library.exceptions.BaseError) as error:
            raise ObjectStoreUnsupported(f"blob_url {url.partition('://')[0]}://… can't be opened: {error}") from error

    @asynccontextmanager
    async def open_write(self, key: str | None = None) -> AsyncGenerator["_ObjectWriter"]:
        """Begin a blob, under its content's name if none is given."""
        spool = Spool(self._folder / f"tunewright-{token_hex(16)}")
        try:
            yield _ObjectWriter(spool, self, key)
        finally:
            await spool.drop()

    async def upload(self, key: str, path: Path) -> None:
        """Store a file of this machine, in parts where it is large."""
        with self._errors(key):
            await self._obstore.put_async(
                self._store, key, path, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE
            )

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream a range of a blob."""
        if start or end is not None:
            last = await self._end(key) if end is None else end
            if last <= start:
                return
            with self._errors(key):
                found = await self._obstore.get_async(self._store, key, options={"range": (start, last)})
        else:
            with self._errors(key):
                found = await self._obstore.get_async(self._store, key)
        stream = found.stream(min_chunk_size=CHUNK_BYTES)
        while True:
            with self._errors(key):
                chunk = await anext(stream, None)
            if chunk is None:
                return
            yield bytes(chunk)

    async def size(self, key: str) -> int | None:
        """Return the length of a blob."""
        try:
            return await self._end(key)
        except BlobMissing:
            return None

    async def exists(self, key: str) -> bool:
        """Tell whether there is such a blob."""
        return await self.size(key) is not None

    async def put(self, key: str, data: bytes) -> None:
        """Store a small named blob."""
        with self._errors(key):
            await self._obstore.put_async(self._store, key, data)

    async def get(self, key: str) -> bytes | None:
        """Return a small blob."""
        try:
            with self._errors(key):
                found = await self._obstore.get_async(self._store, key)
                return bytes(await found.bytes_async())
        except BlobMissing:
            return None

    async def delete(self, key: str) -> None:
        """Remove a blob."""
        try:
            with self._errors(key):
                await self._obstore.delete_async(self._store, key)
        except BlobMissing:
            return

    async def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """List blobs, page by page."""
        pages = self._obstore.list(self._store, prefix.rstrip("/"), chunk_size=1000)
        while True:
            with self._errors(prefix):
                page = await anext(pages, None)
            if page is None:
                return
            for found in page:
                at = found["last_modified"].timestamp()
                yield StoredBlob(key=found["path"], bytes=found["size"], modified_at=at)

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncGenerator[Path]:
        """Give a copy on this machine, removed at the end."""
        spool = Spool(self._folder / f"tunewright-{token_hex(16)}")
        try:
            async for chunk in self.read(key):
                await spool.write(chunk)
            await spool.seal()
            yield spool.path
        finally:
            await spool.drop()

    async def probe(self) -> None:
        """Write and delete a byte."""
        key = f"tmp/probe-{token_hex(8)}"
        await self.put(key, b"1")
        await self.delete(key)

    async def sweep(self, older_than: float) -> int:
        """Remove probes and spool files last written before `older_than`."""
        old = [blob.key async for blob in self.list("tmp/") if blob.modified_at < older_than]
        for key in old:
            await self.delete(key)
        spools = [path for path in self._folder.glob("tunewright-*") if path.stat().st_mtime < older_than]
        for path in spools:
            path.unlink(missing_ok=True)
        return len(old) + len(spools)

    async def _end(self, key: str) -> int:
        with self._errors(key):
            found = await self._obstore.head_async(self._store, key)
        return int(found["size"])

    @contextmanager
    def _errors(self, key: str) -> Generator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise BlobMissing(key) from error
        except (OSError, self._obstore.exceptions.BaseError) as error:
            raise Unavailable("The object store does not answer properly.", code="storage_unavailable") from error


class _ObjectWriter:
    def __init__(self, spool: Spool, store: ObjectBlobs, key: str | None) -> None:
        self._spool = spool
        self._store = store
        self._key = key

    async def write(self, chunk: bytes) -> None:
        await self._spool.write(chunk)

    async def seal(self) -> Blob:
        return await self._spool.seal()

    async def commit(self) -> Blob:
        blob = await self._spool.seal()
        await self._store.upload(self._key or content_key(blob.sha256), self._spool.path)
        return blob


def _library() -> ModuleType:
    try:
        importlib.import_module("obstore.store")
        return importlib.import_module("obstore")
    except ModuleNotFoundError as error:
        raise ObjectStoreUnsupported(
            "blob_url names an object store; install the extra: pip install 'tunewright[objects]'."
        ) from error
