"""Takes the bytes of images out of long lines: what a data URL holds is judged by its type, size, beginning and end.

What is taken out leaves its length and checksums, so that two lines differ where their images differ.
"""

import re
import zlib

LONG = 1 << 20
"""Lines up to this length are left as they are."""

_KEPT = 64
"""Characters of base64 that stay, at the beginning and at the end."""

_PAYLOAD = re.compile(
    rb"(data:image/[A-Za-z.+-]{1,20};base64,)"
    rb"(?:~(\d+)~(\d+)~(\d+)~([A-Za-z0-9+/=]{64})~([A-Za-z0-9+/=]{64})~([A-Za-z0-9+/=]+)|([A-Za-z0-9+/=]{256,}))"
)


def elide(line: bytes) -> bytes:
    """Return `line` with each image's base64 replaced by `~length~crc32~adler32~beginning~end~`.

    The line may end within an image: what follows can be added and the whole elided again.
    """
    return _PAYLOAD.sub(_mark, line)


def _mark(match: re.Match[bytes]) -> bytes:
    head, length, crc, adler, first, last, more, payload = match.groups()
    payload = more or payload
    crc_now = zlib.crc32(payload, int(crc or 0))
    adler_now = zlib.adler32(payload, int(adler or 1))
    kept = first or payload[:_KEPT], ((last or b"") + payload)[-_KEPT:]
    return b"%b~%d~%d~%d~%b~%b~" % (head, int(length or 0) + len(payload), crc_now, adler_now, *kept)
