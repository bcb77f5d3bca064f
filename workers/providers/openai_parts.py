"""A large file to an OpenAI-shaped endpoint in parts, taken up again at the last part after whatever broke it off."""

import asyncio
import hashlib
import io
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import httpx2
from msgspec.structs import replace

from service.core import clock
from service.core.remote import SentParts
from workers.providers.openai_connection import Connection
from workers.providers.openai_errors import bad_answer
from workers.providers.openai_wire import FileWire, UploadWire
from workers.providers.protocol import ProviderError, Upload

PART_BYTES = 64 * 1024 * 1024
BYTES_A_SECOND = 1_000_000
"""How slowly a target may take a file in; a worker waits no longer for one that hangs."""

_LIFE_S = 3_300.0
"""Targets let an upload live for an hour; one that is nearly over is not taken up again."""

_LISTED_S = 120.0
"""How long a file may be missing in the target's list after the upload was completed."""

_GONE = {"refused", "not_found"}


class Parts:
    """Uploads in parts at one target.

    Each step is noted in the upload's journal before the next: the id of the remote upload, that of every part, and the
    intent to complete. After an unclear end the caller looks for the file by name and bytes; only if there is none, the
    noted upload goes on.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def send(self, upload: Upload, name: str) -> FileWire:
        """Return the file that the target made of the parts."""
        noted = await _noted(upload)
        if noted is not None:
            try:
                return await self._go_on(upload, noted)
            except ProviderError as error:
                if error.reason not in _GONE:
                    raise
                await self._settle(upload, noted)
        return await self._afresh(upload, name)

    async def _afresh(self, upload: Upload, name: str) -> FileWire:
        uploads = self._connection.sdk.uploads.with_raw_response
        content = await self._connection.write(
            lambda: uploads.create(bytes=upload.bytes, filename=name, mime_type="text/jsonl", purpose="fine-tune")
        )
        begun = self._connection.decode(content, UploadWire, "the upload", write=True)
        sent = SentParts(upload_id=begun.id, begun_at=clock.now(), part_bytes=PART_BYTES)
        await _note(upload, sent)
        try:
            return await self._go_on(upload, sent)
        except ProviderError as error:
            if upload.journal is None or not error.retryable:  # nobody will take it up again
                await _note(upload, None)
                with suppress(ProviderError):
                    await self._connection.write(lambda: uploads.cancel(begun.id))
            raise

    async def _go_on(self, upload: Upload, sent: SentParts) -> FileWire:
        """Send what is missing and complete."""
        sent = await self._send_missing(upload, sent)
        md5 = await asyncio.to_thread(_md5, upload.path)
        if sent.completing_since is None:
            sent = replace(sent, completing_since=clock.now())
            await _note(upload, sent)
        uploads = self._connection.sdk.uploads.with_raw_response
        content = await self._connection.write(
            lambda: uploads.complete(
                sent.upload_id, part_ids=list(sent.part_ids), md5=md5, timeout=time_for(self._connection, upload.bytes)
            )
        )
        done = self._connection.decode(content, UploadWire, "the finished upload", write=True)
        if done.file is None:
            raise bad_answer(self._connection.name, "the file of the finished upload", write=True)
        await _note(upload, None)
        return done.file

    async def _send_missing(self, upload: Upload, sent: SentParts) -> SentParts:
        parts, upload_id = self._connection.sdk.uploads.parts.with_raw_response, sent.upload_id
        first = len(sent.part_ids) * sent.part_bytes
        with opened(upload.path) as file:
            for start in range(first, upload.bytes, sent.part_bytes):
                length = min(sent.part_bytes, upload.bytes - start)
                window = io.BufferedReader(_Window(file, start, length), 1 << 20)
                limit = time_for(self._connection, length)
                content = await self._connection.write(
                    lambda w=window, t=limit: parts.create(upload_id, data=("upload", w), timeout=t)
                )
                part = self._connection.decode(content, UploadWire, "the upload's part", write=True)
                sent = replace(sent, part_ids=(*sent.part_ids, part.id))
                await _note(upload, sent)
        return sent

    async def _settle(self, upload: Upload, noted: SentParts) -> None:
        """Forget an upload that the target takes no more.

        One that may be completed is forgotten only after its file had time to be listed: it is not sent twice.
        """
        since = noted.completing_since
        if since is not None and clock.now() - since < _LISTED_S:
            raise ProviderError(
                "unavailable",
                f"Provider {self._connection.name} does not list the file of a finished upload yet.",
                retryable=True,
                retry_after_s=10.0,
            )
        await _note(upload, None)


async def _noted(upload: Upload) -> SentParts | None:
    """Return how far an earlier try got, None where it is of no use."""
    noted = await upload.journal.read() if upload.journal is not None else None
    if noted is None or clock.now() - noted.begun_at > _LIFE_S:
        return None
    return noted


async def _note(upload: Upload, sent: SentParts | None) -> None:
    if upload.journal is not None:
        await upload.journal.write(sent)


def time_for(connection: Connection, size: int) -> httpx2.Timeout:
    """Return the time limits of a call that carries `size` bytes, or has the target work on them."""
    usual = connection.timeout
    return httpx2.Timeout((usual.read or 0.0) + size / BYTES_A_SECOND, connect=usual.connect)


def opened(path: Path) -> BinaryIO:
    """Open a dataset. Raises ProviderError where it is not on this machine."""
    try:
        return path.open("rb")
    except OSError as error:
        raise ProviderError("unavailable", "The dataset is not on this machine's disk.", retryable=True) from error


class _Window(io.RawIOBase):
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


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
