"""An object of S3, Google Cloud Storage or Azure through `obstore` (extra `objects`), read range by range."""

import importlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

from service.core.sources import SourceFailed
from workers.sources.body import Body

_RANGE_BYTES = 8 << 20

OpenStore = Callable[[str], Any]
"""From `scheme://bucket` to one of obstore's stores; credentials are found as the SDKs of its cloud find them."""


class ObjectSource:
    """Reads objects; each range names the version that the first one saw."""

    def __init__(self, open_store: OpenStore | None = None) -> None:
        self._open_store = open_store or _open_store

    @asynccontextmanager
    async def open(self, store_url: str, key: str, most_bytes: int) -> AsyncGenerator[Body]:
        """Give an object. Raises SourceFailed, also while it is read."""
        library = _library()
        store = self._open_store(store_url)
        first = await _get(library, store, key, {})
        size, version = int(first.meta["size"]), first.meta.get("e_tag")
        encoding = str(cast("dict[str, str]", first.attributes).get("Content-Encoding", "")).lower()
        if size > most_bytes and not encoding:
            raise SourceFailed(f"The object has {size:,} bytes; {most_bytes:,} are taken.", retryable=False)
        async with aclosing(_chunks(library, store, key, size, version)) as chunks:
            yield Body(chunks=chunks, encoding="" if encoding == "identity" else encoding)


async def _chunks(library: Any, store: Any, key: str, size: int, version: str | None) -> AsyncGenerator[bytes]:
    at = 0
    while at < size:
        options: dict[str, Any] = {"range": (at, min(size, at + _RANGE_BYTES))}
        if version is not None:
            options["if_match"] = version
        data = await _read(library, await _get(library, store, key, options))
        if not data:
            raise SourceFailed("The object store sends less than it announced.", retryable=True)
        at += len(data)
        yield data


async def _get(library: Any, store: Any, key: str, options: dict[str, Any]) -> Any:
    try:
        return await library.get_async(store, key, options=options)
    except (OSError, library.exceptions.BaseError) as error:
        raise _failed(library, error) from error


async def _read(library: Any, found: Any) -> bytes:
    try:
        return bytes(await found.bytes_async())
    except (OSError, library.exceptions.BaseError) as error:
        raise _failed(library, error) from error


def _failed(library: Any, error: Exception) -> SourceFailed:
    """Sort a failure; the library's words may hold addresses and account names, and are not passed on."""
    known = library.exceptions
    if isinstance(error, FileNotFoundError):
        return SourceFailed("There is no such object.", retryable=False)
    if isinstance(error, (known.PermissionDeniedError, known.UnauthenticatedError)):
        return SourceFailed("The object store refuses the service's credentials.", retryable=False)
    if isinstance(error, known.PreconditionError):
        return SourceFailed("The object changed while it was read.", retryable=True)
    return SourceFailed("The object store does not answer properly.", retryable=True)


def _open_store(url: str) -> Any:
    library = _library()
    try:
        return library.store.from_url(url)
    except (ValueError, library.exceptions.BaseError) as error:
        message = f"The object store {url.partition('://')[0]} is not set up on the service."
        raise SourceFailed(message, retryable=False) from error


def _library() -> Any:
    try:
        importlib.import_module("obstore.store")
        return importlib.import_module("obstore")
    except ModuleNotFoundError as error:
        raise SourceFailed(
            "The service lacks the extra for object stores: pip install 'tunewright[objects]'.", retryable=False
        ) from error
