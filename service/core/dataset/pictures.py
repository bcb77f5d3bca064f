"""What the bytes of an image tell: its kind, whether they are all there, and colours that no trainer takes.

Sources: the PNG specification (chunks, IEND), ITU-T T.81 (JPEG markers), RFC 9649 (WebP).
"""

import re
import struct
import zlib
from typing import NamedTuple

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_PNG_END = b"IEND\xaeB`\x82"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LONE = frozenset((0x01, *range(0xD0, 0xD8)))
_SCAN, _END = 0xDA, b"\xff\xd9"
_CMYK = 4
_CHUNK = re.compile(rb"[A-Za-z]{4}")
_WEBP_CHUNKS = (b"VP8 ", b"VP8L", b"VP8X")
_OTHERS = {
    b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"PK\x03\x04": "ZIP",
    b"<svg": "SVG", b"<?xml": "XML", b"<!DO": "HTML", b"<html": "HTML", b"\0\0\0\x0cJXL": "JPEG XL",
}  # fmt: skip
_CUT = "the image is cut off"


class Picture(NamedTuple):
    """An image's bytes: all of them, or where a long line was shortened their beginning and end, and their number."""

    first: bytes
    last: bytes
    size: int

    @property
    def whole(self) -> bool:
        return self.size == len(self.first)


def wrong_with(picture: Picture) -> str | None:
    """Return what makes bytes no image that a trainer takes, or None."""
    first = picture.first
    if first.startswith(_PNG):
        return _wrong_with_png(picture)
    if first.startswith(_JPEG):
        return _wrong_with_jpeg(first) if picture.whole else None
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return _wrong_with_webp(picture)
    if any(kind.startswith(first) for kind in (_PNG, _JPEG, b"RIFF")):
        return _CUT
    if first[4:8] == b"ftyp":
        return "the data is that of a HEIF or AVIF file or a film"
    kind = next((name for sign, name in _OTHERS.items() if first.startswith(sign)), None)
    return f"the data is that of a {kind} file" if kind else "the data is neither JPEG, PNG nor WEBP"


def _wrong_with_png(picture: Picture) -> str | None:
    if picture.whole:
        return _wrong_with_chunks(picture.first)
    return None if _PNG_END in picture.last else _CUT


def _wrong_with_chunks(data: bytes) -> str | None:
    """Walk through a PNG's chunks: all have to be there, with their sums, from IHDR to IEND."""
    at, seen = len(_PNG), set[bytes]()
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if not _CHUNK.fullmatch(kind) or (not seen and kind != b"IHDR"):
            return "the PNG has a broken chunk"
        if end > len(data):
            return _CUT
        critical = kind[:1].isupper()
        if critical and zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return "the PNG has a broken chunk"
        if kind == b"IHDR" and 0 in struct.unpack(">II", data[at + 8 : at + 16]):
            return "the PNG has no width or no height"
        seen.add(kind)
        if kind == b"IEND":
            return None if b"IDAT" in seen else "the PNG holds no picture"
        at = end
    return _CUT


def _wrong_with_jpeg(data: bytes) -> str | None:
    """Walk through a JPEG's segments up to its scan, behind which the end of the image has to be marked."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != _END[0]:
            return "the JPEG has a broken segment"
        marker = data[at + 1]
        if marker == _END[0] or marker in _LONE:
            at += 1 if marker == _END[0] else 2
            continue
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES and len(data) > at + 9 and data[at + 9] == _CMYK:
            return "the JPEG is in CMYK, not in RGB"
        if marker == _SCAN:
            return None if data.find(_END, at + 2 + size) >= 0 else _CUT
        at += 2 + size
    return _CUT


def _wrong_with_webp(picture: Picture) -> str | None:
    size = int.from_bytes(picture.first[4:8], "little")
    if picture.size < size + 8:
        return _CUT
    return None if picture.first[12:16] in _WEBP_CHUNKS else "the WEBP has a broken chunk"
