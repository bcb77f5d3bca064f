"""Standard Webhooks signatures, as `openai`, `standardwebhooks` and `svix` verify them.

`webhook-signature` is `v1,` and base64 of HMAC-SHA256 over `{id}.{timestamp}.{body}`; during a rotation one for each
secret, separated by a blank. A secret is `whsec_` and the key in base64. https://www.standardwebhooks.com
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix
TOLERANCE_S = 300

_LEAST_BYTES = 16
_KEY_BYTES = 33  # within the spec's 24 to 64, and a multiple of three needs no padding in base64


class BadSignature(Exception):
    """A request that was not signed by us, or too long ago; the message says which check failed."""


def make_secret() -> str:
    """Return a new signing secret with 264 random bits."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Tell whether `text` is a secret of some strength in the form of Standard Webhooks."""
    key = _decode(text.removeprefix(SECRET_PREFIX)) if text.startswith(SECRET_PREFIX) else None
    return key is not None and len(key) >= _LEAST_BYTES


def hint(secret: str) -> str:
    """Return `secret` masked: its prefix and its last four characters."""
    return f"{SECRET_PREFIX}…{secret[-4:]}"


def sign(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature header: one signature for each of `keys`."""
    return " ".join("v1," + base64.b64encode(_mac(key, message_id, str(timestamp), body)).decode() for key in keys)


def headers(keys: Sequence[str], message_id: str, now: float, body: bytes) -> dict[str, str]:
    """Return the three headers of one try at `now`."""
    timestamp = int(now)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(keys, message_id, timestamp, body),
    }


def verify(keys: Sequence[str], received: Mapping[str, str], body: bytes, *, now: float) -> str:
    """Return the message id if `body` was signed with one of `keys` within 300 s of `now`; raises BadSignature.

    `received` has lower-case names.
    """
    message_id, timestamp = received.get("webhook-id"), received.get("webhook-timestamp")
    given = received.get("webhook-signature")
    if not message_id or not timestamp or not given:
        raise BadSignature("A webhook-id, webhook-timestamp or webhook-signature header is missing.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise BadSignature("The webhook-timestamp is not a number of seconds.")
    if abs(now - int(timestamp)) > TOLERANCE_S:
        raise BadSignature(f"The webhook-timestamp is more than {TOLERANCE_S} s away.")
    expected = [_mac(key, message_id, timestamp, body) for key in keys]
    for part in given.split():
        version, _, text = part.partition(",")
        found = _decode(text) if version == "v1" else None
        if found is not None and any([hmac.compare_digest(found, mac) for mac in expected]):  # noqa: C419 - all, always
            return message_id
    raise BadSignature("No signature matches.")


def _mac(key: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    raw = base64.b64decode(key.removeprefix(SECRET_PREFIX)) if key.startswith(SECRET_PREFIX) else key.encode()
    return hmac.new(raw, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
