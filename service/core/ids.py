"""Identifiers in OpenAI's form: a prefix that names the kind, then random characters."""

import re
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_RANDOM_LENGTH = 24

FILE = "file-"
JOB = "ftjob-"
EVENT = "ftevent-"
CHECKPOINT = "ftckpt_"
WEBHOOK_ENDPOINT = "we_"
WEBHOOK_EVENT = "evt_"
WEBHOOK_DELIVERY = "whd_"
REQUEST = "req_"
CHAT_COMPLETION = "chatcmpl-"
COMPLETION = "cmpl-"
UPLOAD = "upload_"
UPLOAD_PART = "part_"
DERIVATION = "drv_"

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}\Z")


def make(prefix: str) -> str:
    """Return a new id of kind `prefix` with 142 random bits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))


def is_safe(text: str) -> bool:
    """Tell whether `text` may stand in a Redis key: printable ASCII without blanks, slashes or wildcards."""
    return _SAFE.match(text) is not None
