"""What the first bytes of a file tell of all of it."""

from typing import Any, NamedTuple

import msgspec

_BINARY = (
    b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"PAR1", b"BZh", b"\xfd7zXZ\x00", b"7z\xbc\xaf\x27\x1c",
    b"ARROW1", b"Obj\x01", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF-", b"SQLite format 3", b"\x7fELF",
    b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05",
)  # fmt: skip
_CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\x1b") + b"\x7f"
_LOOKED_AT, _LEAST = 4096, 64
_MARK = b"\xef\xbb\xbf"


class Opening(NamedTuple):
    """Why a whole file is unreadable."""

    code: str
    message: str


def opening_of(head: bytes) -> Opening | None:
    """Return what makes all of a file unreadable, seen from its first block, or None."""
    looked = head[:_LOOKED_AT]
    nulls = looked.count(b"\0")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or _is_wide(looked):
        return Opening("not_utf8", "the file is UTF-16")
    if head.startswith(_BINARY) or nulls * 50 > len(looked) or _is_noise(looked):
        return Opening("binary_file", "the file is compressed or holds binary data")
    first = head.removeprefix(_MARK).lstrip()
    if first.rstrip() == b"[]":
        return Opening("json_array_file", "the file is an empty JSON array")
    if first[:1] != b"[" or first[1:].lstrip()[:1] != b"{":
        return None
    try:
        items: Any = msgspec.json.decode(first.partition(b"\n")[0])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Opening("json_array_file", "the file is one JSON array")
    if items and all(isinstance(item, dict) for item in items):
        return Opening("json_array_file", "the file is one JSON array")
    return None


def _is_noise(looked: bytes) -> bool:
    """Whether a twentieth of the bytes are such control characters as no text file has."""
    controls = len(looked) - len(looked.translate(None, _CONTROLS))
    return len(looked) > _LEAST and controls * 20 > len(looked)


def _is_wide(looked: bytes) -> bool:
    """Whether every other byte is mostly zero and the bytes between are not, as in UTF-16 without a mark."""
    even, odd = looked[::2].count(b"\0"), looked[1::2].count(b"\0")
    few, many = sorted((even, odd))
    return many * 4 > len(looked) and few * 20 < many
