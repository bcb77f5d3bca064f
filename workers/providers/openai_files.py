"""Getting a dataset to an OpenAI-shaped endpoint once: by name and bytes if it is there, else whole or in parts."""

import asyncio
import hashlib
import io
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from weakref import WeakValueDictionary

import httpx2
import openai

from workers.providers.openai_connection import Connection, Page, items
from workers.providers.openai_errors import bad_answer, from_exception
from workers.providers.openai_wire import FileWire, UploadWire
from workers.providers.protocol import ProviderError, Upload

_PART_BYTES = 64 * 1024 * 1024
_BYTES_A_SECOND = 1_000_000
"""How slowly a target may take a file in; a worker waits no longer for one that hangs."""

_MAX_PAGES = 50
_MAX_RESULT_BYTES = 64 * 1024 * 1024
_UNUSABLE = {"error", "deleted", "deleting", "failed"}


class _Part(io.RawIOBase):
    """A window of an open file, so that a part is streamed instead of held in memory."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file = file
        self._start = start
        self._length = length
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = min(max(base + offset, 0), self._length)
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        self._file.seek(self._start + self._at)
        chunk = self._file.read(min(len(buffer), self._length - self._at))
        buffer[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)


class Files:
    """Uploads, result files and deletion at one target."""

    def __init__(self, connection: Connection, *, uploads: bool, max_file_bytes: int) -> None:
        self._connection = connection
        self._by_parts = uploads
        self._max_file_bytes = max_file_bytes
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def upload(self, upload: Upload) -> str:
        """Return the target's id of the bytes; a file of the same name and size that is there is taken."""
        lock = self._locks.setdefault(upload.sha256, asyncio.Lock())
        async with lock:
            name = f"tunewright-{upload.sha256[:24]}.jsonl"
            known = await self._look_up(name, upload.bytes)
            if known is not None:
                return known
            if upload.bytes <= self._max_file_bytes:
                return await self._whole(upload, name)
            if not self._by_parts:
                raise ProviderError(
                    "refused",
                    f"Provider {self._connection.name} takes files of at most {self._max_file_bytes} bytes.",
                    retryable=False,
                )
            return await self._in_parts(upload, name)

    async def _look_up(self, name: str, size: int) -> str | None:
        after: str | None = None
        seen: set[str] = set()
        files = self._connection.sdk.files.with_raw_response
        for _ in range(_MAX_PAGES):
            cursor = openai.omit if after is None else after
            content = await self._connection.read(lambda c=cursor: files.list(purpose="fine-tune", after=c))
            page = self._connection.decode(content, Page, "a list of files")
            found = items(page.data, FileWire)
            for file in found:
                if file.filename == name and file.bytes == size and file.status not in _UNUSABLE:
                    return file.id
            if page.has_more is not True or not found or found[-1].id in seen:
                return None
            seen.update(file.id for file in found)
            after = found[-1].id
        return None

    async def _whole(self, upload: Upload, name: str) -> str:
        with _opened(upload.path) as file:
            content = await self._connection.write(
                lambda: self._connection.sdk.files.with_raw_response.create(
                    file=(name, file, "application/jsonl"), purpose="fine-tune", timeout=self._time_for(upload.bytes)
                )
            )
        wire = self._connection.decode(content, FileWire, "the uploaded file", write=True)
        return await self._verified(wire, upload.bytes)

    async def _verified(self, file: FileWire, size: int) -> str:
        """Return the file's id; where the target kept another number of bytes, delete the file and raise."""
        if isinstance(file.bytes, int) and file.bytes not in (size, 0):
            with suppress(ProviderError):
                await self.delete(file.id)
            raise ProviderError(
                "bad_answer",
                f"Provider {self._connection.name} kept {file.bytes} of {size} bytes of the file.",
                retryable=True,
            )
        return file.id

    async def _in_parts(self, upload: Upload, name: str) -> str:
        uploads = self._connection.sdk.uploads.with_raw_response
        content = await self._connection.write(
            lambda: uploads.create(bytes=upload.bytes, filename=name, mime_type="text/jsonl", purpose="fine-tune")
        )
        started = self._connection.decode(content, UploadWire, "the upload", write=True)
        try:
            parts, md5 = await self._send_parts(upload, started.id)
            content = await self._connection.write(
                lambda: uploads.complete(started.id, part_ids=parts, md5=md5, timeout=self._time_for(upload.bytes))
            )
        except ProviderError:
            with suppress(ProviderError):
                await self._connection.write(lambda: uploads.cancel(started.id))
            raise
        done = self._connection.decode(content, UploadWire, "the finished upload", write=True)
        if done.file is None:
            raise bad_answer(self._connection.name, "the file of the finished upload", write=True)
        return await self._verified(done.file, upload.bytes)

    async def _send_parts(self, upload: Upload, upload_id: str) -> tuple[list[str], str]:
        parts = self._connection.sdk.uploads.parts.with_raw_response
        ids: list[str] = []
        with _opened(upload.path) as file:
            for start in range(0, upload.bytes, _PART_BYTES):
                length = min(_PART_BYTES, upload.bytes - start)
                window = io.BufferedReader(_Part(file, start, length), 1 << 20)
                limit = self._time_for(length)
                content = await self._connection.write(
                    lambda w=window, t=limit: parts.create(upload_id, data=("upload", w), timeout=t)
                )
                ids.append(self._connection.decode(content, UploadWire, "the upload's part", write=True).id)
        return ids, await asyncio.to_thread(_md5, upload.path)

    def _time_for(self, size: int) -> httpx2.Timeout:
        """Return the time limits of a call that carries `size` bytes, or has the target work on them."""
        usual = self._connection.timeout
        return httpx2.Timeout((usual.read or 0.0) + size / _BYTES_A_SECOND, connect=usual.connect)

    async def result(self, file_id: str) -> bytes:
        """Return a result file's content as it is stored, at most 64 MiB."""
        name = self._connection.name
        self._connection.check_key()
        content = bytearray()
        try:
            async with self._connection.sdk.files.with_streaming_response.content(file_id) as response:
                async for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > _MAX_RESULT_BYTES:
                        raise ProviderError(
                            "bad_answer", f"Provider {name}: a result file is too big.", retryable=False
                        )
        except (openai.OpenAIError, httpx2.HTTPError, OSError) as error:
            raise from_exception(error, name=name, write=False, secrets=self._connection.secrets) from error
        return bytes(content)

    async def delete(self, file_id: str) -> None:
        """Delete a file; one that is not there is no error."""
        try:
            await self._connection.write(lambda: self._connection.sdk.files.with_raw_response.delete(file_id))
        except ProviderError as error:
            if error.reason != "not_found":
                raise


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ProviderError("unavailable", "The dataset is not on this machine's disk.", retryable=True) from error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
