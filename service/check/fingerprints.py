"""What an example asks and what it answers, as hashes: equal for equal content, however the JSON is written."""

from typing import Any

import msgspec
import xxhash

from service.core.dataset.lines import ChatLine, CompletionLine, Line, PreferenceLine, User

_encode = msgspec.json.Encoder().encode
_WHOLE = bytes(8)


def fingerprint(line: Line, raw: bytes) -> tuple[bytes, bytes]:
    """Return 16 bytes of the context's hash and 8 of the target's.

    An example that asks nothing (no user message before the answer) is its own context, with a target of zeros.
    """
    if isinstance(line, ChatLine):
        *context, answer = line.messages or (None,)
        if any(message.__class__ is User for message in context):
            return _hash([context, line.tools or None, line.functions or None]), _target(answer)
        return _hash(line), _WHOLE
    if isinstance(line, PreferenceLine):
        return _hash(line.input), _target([line.preferred_output, line.non_preferred_output])
    if isinstance(line, CompletionLine):
        return _hash(line.prompt), _target(line.completion)
    return _hash([line.messages, line.tools or None]), xxhash.xxh3_64_digest(raw)


def _hash(value: Any) -> bytes:
    return xxhash.xxh3_128_digest(_encode(value))


def _target(value: Any) -> bytes:
    return xxhash.xxh3_64_digest(_encode(value))
