"""`Content-Encoding` of an upload, undone as it arrives, with an end to bombs."""

import asyncio
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from service.core.errors import InvalidRequest, TooLarge, UnsupportedMedia

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAX_RATIO = 200
RATIO_FREE_BYTES = 64 << 20
"""From here on the body may be no more than `MAX_RATIO` times what was sent (JSON lines reach 5 to 50)."""

_PIECE_BYTES = 1 << 20
_ZSTD_STEP = 8192
"""Each frame copies what of a step comes after it: so many tiny ones cost little."""
_ZSTD_WINDOW_LOG = 25


class _Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...

    @property
    def is_at_end(self) -> bool: ...


async def decoded(body: AsyncIterator[bytes], encoding: str, most_bytes: int) -> AsyncIterator[bytes]:
    """Yield `body` without its encoding (`identity`, `gzip` or `zstd`).

    Raises UnsupportedMedia for another encoding, InvalidRequest for a broken, cut or bomb-like body, TooLarge beyond
    `most_bytes` of decoded content.
    """
    decoder = _decoder(encoding)
    taken = given = 0
    async for chunk in body:
        taken += len(chunk)
        if decoder is None:
            yield chunk
            continue
        pieces = decoder.feed(chunk)
        while (piece := await asyncio.to_thread(_next, pieces)) is not None:
            given += len(piece)
            _check(taken, given, most_bytes)
            yield piece
    if decoder is not None and not decoder.is_at_end:
        raise InvalidRequest(f"The {encoding} body is cut off.", code="invalid_encoding")


def _decoder(encoding: str) -> _Decoder | None:
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return None
    if name in {"gzip", "x-gzip"}:
        return _Gzip()
    if name == "zstd":
        return _Zstd()
    raise UnsupportedMedia(f"Content-Encoding {encoding[:100]!r} is not read here; use gzip, zstd or none.")


def _check(taken: int, given: int, most_bytes: int) -> None:
    if given > most_bytes:
        raise TooLarge(f"The decoded body is larger than the {most_bytes:,} bytes that this route takes.")
    if given > RATIO_FREE_BYTES and given > taken * MAX_RATIO:
        raise InvalidRequest(f"The body decodes to more than {MAX_RATIO} times its size.", code="compression_ratio")


def _next(pieces: Iterator[bytes]) -> bytes | None:
    try:
        return next(pieces, None)
    except (zlib.error, zstd.ZstdError) as error:
        raise InvalidRequest(f"The compressed body can't be read: {error}.", code="invalid_encoding") from error


class _Gzip:
    """Members one after another, as the format allows."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._is_begun = False

    @property
    def is_at_end(self) -> bool:
        return self._is_begun and self._member.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        is_full = False  # a full piece may leave more inside the member even if it took all of `data`
        while data or is_full:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            self._is_begun = True
            piece = self._member.decompress(data, _PIECE_BYTES)
            yield piece
            is_full = len(piece) == _PIECE_BYTES and not self._member.eof
            data = self._member.unconsumed_tail or self._member.unused_data


class _Zstd:
    """Frames one after another, as the format allows."""

    def __init__(self) -> None:
        self._frame = _frame()
        self._is_begun = False

    @property
    def is_at_end(self) -> bool:
        return self._is_begun and self._frame.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_STEP):
            step = data[start : start + _ZSTD_STEP]
            while step or not (self._frame.eof or self._frame.needs_input):
                if self._frame.eof:
                    self._frame = _frame()
                self._is_begun = True
                if piece := self._frame.decompress(step, _PIECE_BYTES):
                    yield piece
                step = self._frame.unused_data if self._frame.eof else b""


def _frame() -> zstd.ZstdDecompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})
