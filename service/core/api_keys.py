"""API keys: `tw_ID_SECRETCHECK`. The checksum tells a key from a typing error without a look-up, to scanners too."""

import hashlib
import re
import secrets
import string
import zlib

import msgspec

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH = 12
_SECRET_LENGTH = 43  # 256 bits
_CHECK_LENGTH = 6  # 32 bits
_FORM = re.compile(
    rf"tw_([0-9A-Za-z]{{{_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECK_LENGTH}}})\Z"
)


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key: never the key, only its SHA-256 (the secret has 256 random bits, so no slow hash)."""

    id: str
    name: str
    sha256: str
    created_at: int
    expires_at: int | None = None

    def fits(self, token: str, now: float) -> bool:
        """Tell whether `token` is this key and still good; takes the same time for every wrong one."""
        is_equal = secrets.compare_digest(self.sha256, digest(token))
        return is_equal and (self.expires_at is None or now < self.expires_at)


def make_token() -> str:
    """Return a new key, to be shown once."""
    body = f"tw_{_random(_ID_LENGTH)}_{_random(_SECRET_LENGTH)}"
    return body + _check(body)


def key_id(token: str) -> str | None:
    """Return the public part of a well-formed key; None for anything else."""
    match = _FORM.match(token)
    if match is None or _check(token[:-_CHECK_LENGTH]) != match[3]:
        return None
    return match[1]


def digest(token: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(token.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    number, text = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK_LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        text = _ALPHABET[place] + text
    return text
