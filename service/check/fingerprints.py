"""What an example asks and what it answers, as numbers: equal for equal content, however the JSON is written.

The numbers are Python's own 64-bit hashes, so they hold within one process only.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    ChatLine,
    CompletionLine,
    Line,
    PreferenceLine,
    User,
)

_encode = msgspec.json.Encoder().encode
_WHOLE = 0


def fingerprint(line: Line, raw: bytes) -> tuple[int, int]:
    """Return the hashes of an example's context and of its target.

    An example that asks nothing (no user message before the answer) is its own context, with a target of zero.
    """
    if isinstance(line, ChatLine):
        *context, answer = line.messages or (None,)
        offered = [_encode(each) for each in (line.tools, line.functions) if each]
        if answer is not None and any(message.__class__ is User for message in context):
            return _hash(context, offered), hash(_key(answer))
        return _hash(line.messages, offered), _WHOLE
    if isinstance(line, PreferenceLine):
        return hash(_encode(line.input)), hash(_encode([line.preferred_output, line.non_preferred_output]))
    if isinstance(line, CompletionLine):
        return hash(line.prompt), hash(line.completion)
    return hash(_encode([line.messages, line.tools or None])), hash(raw)


def _hash(messages: Sequence[AnyMessage], offered: list[bytes]) -> int:
    kinds = tuple([message.__class__ for message in messages])
    return hash((kinds, *map(_key, messages), *offered))


def _key(message: Any) -> str | bytes:
    """Return a message's text where it is all it has, else its JSON."""
    bare = message.content.__class__ is str and message.name is UNSET
    if bare and message.__class__ is Assistant:
        others = (message.refusal, message.weight, message.tool_calls, message.function_call)
        bare = others == (UNSET, UNSET, UNSET, UNSET)
    return message.content if bare and not hasattr(message, "tool_call_id") else _encode(message)
