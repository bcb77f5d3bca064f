"""Blobs in a folder: temporary file, fsync, rename, fsync of the folder."""

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar

from service.core.errors import Unavailable
from service.store.blobs import CHUNK_BYTES, Blob, BlobMissing, StoredBlob, content_key

_P = ParamSpec("_P")
_T = TypeVar("_T")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_TEMPORARY = "tmp"


class Spool:
    """A file being written on this machine, hashed on the way; disk work happens in threads, 1 MiB at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._buffer = bytearray()
        self._bytes = 0
        self._pending: asyncio.Future[None] | None = None

    async def write(self, chunk: bytes) -> None:
        """Add bytes; while a full buffer is hashed and written, the next one fills."""
        self._buffer += chunk
        if len(self._buffer) >= CHUNK_BYTES:
            await self._flush()

    async def seal(self) -> Blob:
        """Write the rest, fsync, close; return the content's name."""
        await self._flush()
        await self._settle()
        if self._file is not None and not self._file.closed:
            self._begin(_sync_and_close, self._file)
            await self._settle()
        return Blob(sha256=self._hash.hexdigest(), bytes=self._bytes)

    async def drop(self) -> None:
        """Close and remove the file; one that is gone is no error."""
        if self._pending is not None:
            await asyncio.wait([self._pending])
            self._pending.exception()  # whoever dropped it knows already, or does not care
        if self._file is not None:
            self._file.close()
        with contextlib.suppress(OSError):  # the sweep takes what is left
            await asyncio.to_thread(self.path.unlink, missing_ok=True)

    async def _flush(self) -> None:
        await self._settle()
        data, self._buffer = self._buffer, bytearray()
        self._begin(self._append, data)

    def _begin(self, work: Callable[_P, None], *args: _P.args, **kwargs: _P.kwargs) -> None:
        self._pending = asyncio.ensure_future(on_disk(work, *args, **kwargs))

    async def _settle(self) -> None:
        """Wait for the work in hand. It runs on if we are cancelled: a file closed under it may hit a reused number."""
        if self._pending is None:
            return
        try:
            await asyncio.shield(self._pending)
        except BlobMissing as error:
            raise Unavailable("The folder for files is gone.", code="storage_unavailable") from error

    def _append(self, data: bytearray) -> None:
        if self._file is None:
            self._file = self.path.open("xb", buffering=0)
        view = memoryview(data)
        self._hash.update(view)
        self._bytes += len(data)
        while view:
            view = view[self._file.write(view) :]


class FolderBlobs:
    """A BlobStore in folder `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @classmethod
    def open(cls, root: Path) -> "FolderBlobs":
        """Make the folder if it is not there. Raises Unavailable where that fails."""
        try:
            (root / _TEMPORARY).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unavailable(error) from error
        return cls(root)

    @asynccontextmanager
    async def open_write(self, key: str | None = None) -> AsyncGenerator["FolderWriter"]:
        """Begin a blob, under its content's name if none is given."""
        spool = Spool(self._temporary())
        try:
            yield FolderWriter(spool, self._path, key)
        finally:
            await spool.drop()

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream a range of a blob; the file stays readable to the end even if it is deleted meanwhile."""
        file = await on_disk(self._open, key, start)
        try:
            left = None if end is None else end - start
            while left is None or left > 0:
                chunk = await on_disk(file.read, CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk
        finally:
            file.close()

    async def size(self, key: str) -> int | None:
        """Return the length of a blob."""
        return await on_disk(_size, self._path(key))

    async def exists(self, key: str) -> bool:
        """Tell whether there is such a blob."""
        return await self.size(key) is not None

    async def put(self, key: str, data: bytes) -> None:
        """Store a small named blob."""
        await on_disk(self._put, key, data)

    async def get(self, key: str) -> bytes | None:
        """Return a small blob."""
        try:
            return await on_disk(self._path(key).read_bytes)
        except BlobMissing:
            return None

    async def delete(self, key: str) -> None:
        """Remove a blob."""
        await on_disk(_unlink, self._path(key))

    async def list(self, prefix: str) -> AsyncIterator[StoredBlob]:
        """List blobs, folder by folder, so that a large store needs little memory."""
        folders = [self._path(prefix)]
        while folders:
            below, blobs = await on_disk(self._scan, folders.pop())
            folders.extend(below)
            for blob in blobs:
                yield blob

    @asynccontextmanager
    async def local_path(self, key: str) -> AsyncGenerator[Path]:
        """Give the blob's own file; it is not to be written to."""
        path = self._path(key)
        if await self.size(key) is None:
            raise BlobMissing(key)
        yield path

    async def probe(self) -> None:
        """Write and delete a byte, as far as fsync."""
        key = f"{_TEMPORARY}/probe-{secrets.token_hex(8)}"
        await self.put(key, b"1")
        await self.delete(key)

    async def sweep(self, older_than: float) -> int:
        """Remove temporary files last written before `older_than`."""
        old = [blob async for blob in self.list(_TEMPORARY + "/") if blob.modified_at < older_than]
        for blob in old:
            await self.delete(blob.key)
        return len(old)

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/") or "\0" in key:
            raise BlobMissing(key)
        return self._root / key

    def _temporary(self) -> Path:
        return self._root / _TEMPORARY / secrets.token_hex(16)

    def _open(self, key: str, start: int) -> BinaryIO:
        file = self._path(key).open("rb", buffering=0)
        file.seek(start)
        return file

    def _put(self, key: str, data: bytes) -> None:
        temporary = self._temporary()
        try:
            with temporary.open("xb") as file:
                file.write(data)
                _sync_and_close(file)
            _move(temporary, self._path(key))
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _scan(self, folder: Path) -> tuple[Sequence[Path], Sequence[StoredBlob]]:
        try:
            entries = list(_entries(folder))
        except (FileNotFoundError, NotADirectoryError):
            return [], []
        blobs = [self._stored(entry) for entry in entries if entry.is_file()]
        return [Path(entry.path) for entry in entries if entry.is_dir()], [blob for blob in blobs if blob]

    def _stored(self, entry: os.DirEntry[str]) -> StoredBlob | None:
        try:
            stat = entry.stat()
        except FileNotFoundError:
            return None
        key = Path(entry.path).relative_to(self._root).as_posix()
        return StoredBlob(key=key, bytes=stat.st_size, modified_at=stat.st_mtime)


class FolderWriter:
    """A BlobWriter whose spool file becomes the blob."""

    def __init__(self, spool: Spool, path_of: Callable[[str], Path], key: str | None) -> None:
        self._spool = spool
        self._path_of = path_of
        self._key = key

    async def write(self, chunk: bytes) -> None:
        """Add bytes."""
        await self._spool.write(chunk)

    async def seal(self) -> Blob:
        """End the writing."""
        return await self._spool.seal()

    async def commit(self) -> Blob:
        """Rename the file, durably."""
        blob = await self._spool.seal()
        await on_disk(_move, self._spool.path, self._path_of(self._key or content_key(blob.sha256)))
        return blob


async def on_disk(work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Run `work` in a thread; a missing file is BlobMissing, any other failure of the disk Unavailable."""
    try:
        return await asyncio.to_thread(work, *args, **kwargs)
    except FileNotFoundError as error:
        raise BlobMissing(str(error.filename)) from error
    except OSError as error:
        raise _unavailable(error) from error


def _unavailable(error: OSError) -> Unavailable:
    if error.errno in _FULL:
        return Unavailable("The store has no room left; nothing was kept.", retry_after_s=60, code="storage_full")
    return Unavailable("The store of files does not take or give data now.", code="storage_unavailable")


def _sync_and_close(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()


def _move(temporary: Path, path: Path) -> None:
    """Rename, and fsync the folders, so that the name survives a power cut as well as the bytes."""
    new_folders = list(_missing_folders(path.parent))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.replace(path)
    for folder in [path.parent, *(new.parent for new in new_folders)]:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _missing_folders(folder: Path) -> Iterator[Path]:
    while not folder.exists():
        yield folder
        folder = folder.parent


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from entries
