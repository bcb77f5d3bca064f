"""Pack the classes of characters that the encodings' patterns tell apart: `python -m service.check.vocab.classes`.

They are asked of tiktoken itself, whose tables of Unicode are newer than Python's; a test compares them again.
"""

import lzma
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import tiktoken

OTHER, UPPER, LOWER, BOTH, MARK, NUMBER, BLANK, BREAK = range(8)
_CODES = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
_ASKED = 4096


def classes() -> bytes:
    """Return runs of characters of one class, each `first code point << 3 | class` in four bytes, little end first."""
    upper, lower = members(r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"), members(r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]")
    marks, numbers, blanks = members(r"\p{M}"), members(r"\p{N}"), members(r"\s")
    runs: list[int] = []
    before = -1
    for code in _CODES:
        if code in (10, 13):
            found = BREAK
        elif code in marks:
            found = MARK
        elif code in upper:
            found = BOTH if code in lower else UPPER
        else:
            found = LOWER if code in lower else NUMBER if code in numbers else BLANK if code in blanks else OTHER
        if found != before:
            runs.append(code << 3 | found)
            before = found
    return struct.pack(f"<{len(runs)}I", *runs)


def members(pattern: str, ask: Callable[..., tiktoken.Encoding] = tiktoken.Encoding) -> set[int]:
    """Return the code points that a pattern of one character matches, as tiktoken reads it: it drops all others."""
    octets = {bytes((byte,)): byte for byte in range(256)}
    encoding = ask("classes", pat_str=pattern, mergeable_ranks=octets, special_tokens={})
    found: set[int] = set()
    for at in range(0, len(_CODES), _ASKED):
        text = "".join(map(chr, _CODES[at : at + _ASKED]))
        found.update(map(ord, encoding.decode_bytes(encoding.encode_ordinary(text)).decode()))
    return found


if __name__ == "__main__":
    Path(__file__).with_name("classes.xz").write_bytes(lzma.compress(classes(), preset=9 | lzma.PRESET_EXTREME))
