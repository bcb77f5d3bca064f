"""Small images, made byte by byte."""

import base64
import random
import struct
import zlib


def url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(seed: int = 1, size: int = 0) -> bytes:
    """Return four pixels by four, or so many bytes that only look like a picture's."""
    rows = random.Random(seed).randbytes(size) or zlib.compress(bytes(seed % 256 for _ in range(52)))
    head = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(colours: int = 3, seed: int = 1, size: int = 40) -> bytes:
    """Return the segments of a picture in one, three or four colours; its scan is noise."""
    parts = b"".join(bytes([each + 1, 0x11, 0]) for each in range(colours))
    scan = bytes([colours]) + b"".join(bytes([each + 1, 0]) for each in range(colours)) + b"\0\x3f\0"
    noise = random.Random(seed).randbytes(size).replace(b"\xff", b"\xff\0")
    segments = (
        _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
        _segment(0xE1, b"Exif\0\0 a small picture \xff\xd8\xff\xd9 within"),
        _segment(0xDB, b"\0" + bytes([16] * 64)),
        _segment(0xC2, struct.pack(">BHHB", 8, 8, 8, colours) + parts),
        _segment(0xC4, b"\0" + bytes(16)),
        _segment(0xDA, scan),
    )
    return b"\xff\xd8" + b"".join(segments) + noise + b"\xff\xd9"


def webp(kind: bytes = b"VP8L", seed: int = 1) -> bytes:
    data = b"\x2f\x03\xc0\x00\x00" + random.Random(seed).randbytes(29)
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body
