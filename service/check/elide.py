"""Takes the bytes of images out of long lines: what a data URL holds is judged by its type and size alone.

What is taken out leaves its length and checksums, so that two lines differ where their images differ.
"""

import re
import zlib

LONG = 1 << 20
"""Lines up to this length are left as they are."""

_PAYLOAD = re.compile(
    rb"(data:image/[A-Za-z.+-]{1,20};base64,)(?:~(\d+)~(\d+)~(\d+)~([A-Za-z0-9+/=]+)|([A-Za-z0-9+/=]{256,}))"
)


def elide(line: bytes) -> bytes:
    """Return `line` with each image's base64 replaced by `~length~crc32~adler32~`.

    The line may end within an image: what follows can be added and the whole elided again.
    """
    return _PAYLOAD.sub(_mark, line)


def _mark(match: re.Match[bytes]) -> bytes:
    head, length, crc, adler, more, payload = match.groups()
    payload = more or payload
    crc_now = zlib.crc32(payload, int(crc or 0))
    adler_now = zlib.adler32(payload, int(adler or 1))
    return b"%b~%d~%d~%d~" % (head, int(length or 0) + len(payload), crc_now, adler_now)
