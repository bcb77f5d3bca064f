"""Getting a dataset to an OpenAI-shaped endpoint once: by name and bytes if it is there, else whole or in parts."""

import asyncio
from contextlib import suppress
from weakref import WeakValueDictionary

import httpx2
import openai

from workers.providers.openai_connection import Connection, Page, items
from workers.providers.openai_errors import from_exception
from workers.providers.openai_parts import Parts, opened, time_for
from workers.providers.openai_wire import FileWire
from workers.providers.protocol import ProviderError, Upload

_MAX_PAGES = 50
_MAX_RESULT_BYTES = 64 * 1024 * 1024
_UNUSABLE = {"error", "deleted", "deleting", "failed"}


class Files:
    """Uploads, result files and deletion at one target."""

    def __init__(self, connection: Connection, *, uploads: bool, max_file_bytes: int) -> None:
        self._connection = connection
        self._by_parts = uploads
        self._parts = Parts(connection)
        self._max_file_bytes = max_file_bytes
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def upload(self, upload: Upload) -> str:
        """Return the target's id of the bytes; a file of the same name and size that is there is taken."""
        lock = self._locks.setdefault(upload.sha256, asyncio.Lock())
        async with lock:
            name = f"tunewright-{upload.sha256[:24]}.jsonl"
            known = await self._look_up(name, upload.bytes)
            if known is not None:
                if upload.journal is not None:
                    await upload.journal.write(None)
                return known
            if upload.bytes <= self._max_file_bytes:
                return await self._whole(upload, name)
            if not self._by_parts:
                raise ProviderError(
                    "refused",
                    f"Provider {self._connection.name} takes files of at most {self._max_file_bytes} bytes.",
                    retryable=False,
                )
            return await self._verified(await self._parts.send(upload, name), upload.bytes)

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
        with opened(upload.path) as file:
            content = await self._connection.write(
                lambda: self._connection.sdk.files.with_raw_response.create(
                    file=(name, file, "application/jsonl"),
                    purpose="fine-tune",
                    timeout=time_for(self._connection, upload.bytes),
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
