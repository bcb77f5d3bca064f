"""What an example asks and what it answers, as numbers: equal for equal content, however the JSON is written.

The numbers have 64 bits and hold within one process only.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from service.check.anonymous import anonymous
from service.check.compiled import native
from service.core.dataset.known import kept
from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    ChatLine,
    CompletionLine,
    Line,
    PreferenceLine,
    System,
    Tool,
    User,
)

_encode = msgspec.json.Encoder().encode
_BITS: Final = (1 << 64) - 1
_WHOLE: Final = 0
_ROLES: Final[dict[type[Any], int]] = {System: 0, User: 1, Assistant: 2}
"""As `lines.h` numbers them."""

_OTHER, _JSON = 3, 4


def hash_text(role: int, text: str | bytes) -> int:
    """Return the number of a text that is said in a role."""
    if native is None:
        return hash((role, text)) & _BITS
    if isinstance(text, str) and not text.isascii():
        text = text.encode("utf-8", "surrogatepass")
    return native.hash_text(role, text)


def hash_row(hashes: Sequence[int]) -> int:
    """Return the number of some numbers in their order; that of none is 0."""
    if native is None:
        return hash(tuple(hashes)) & _BITS if hashes else 0
    return native.hash_row(hashes)


def fingerprint(line: Line, raw: bytes) -> tuple[int, int]:
    """Return the numbers of an example's context and of its target.

    An example that asks nothing (no user message before the answer) is its own context, with a target of zero.
    """
    if isinstance(line, ChatLine):
        messages = anonymous(line.messages)
        *context, answer = messages or (None,)
        offered = [*map(_number_of, line.tools or ()), *map(_of_json, line.functions or ())]
        if answer is not None and any(message.__class__ is User for message in context):
            return _context(context, offered), _hash(answer)
        return _context(messages, offered), _WHOLE
    if isinstance(line, PreferenceLine):
        answers = [*map(anonymous, (line.preferred_output, line.non_preferred_output))]
        return _prompt(line.input.messages, line.input.tools), _of_json(answers)
    if isinstance(line, CompletionLine):
        return _of(line.prompt), _of(line.completion)
    return _prompt(line.messages, line.tools), _of(raw)


def number_of_system(system: str) -> int:
    """Return the number of a system prompt, 0 without one."""
    return hash_text(_ROLES[System], system) if system else 0


def alone(system: str) -> int:
    """Return the number that `Ends.before` has where nothing but a system prompt, "" without one, stands there."""
    return hash_row((number_of_system(system),) if system else ())


def hash_messages(messages: Sequence[AnyMessage]) -> int:
    """Return the number of some messages in their order."""
    return hash_row([_hash(message) for message in anonymous(messages)])


def _of(content: str | bytes) -> int:
    return hash_text(_JSON, content)


def _of_json(value: Any) -> int:
    return _of(_encode(value))


@kept
def _number_of(tool: Tool) -> int:
    return _of_json(tool)


def _prompt(messages: Sequence[AnyMessage], tools: Sequence[Tool] | UnsetType | None) -> int:
    return hash_row([_of_json(anonymous(messages)), *map(_number_of, tools or ())])


def _context(messages: Sequence[AnyMessage], offered: list[int]) -> int:
    return hash_row([*map(_hash, messages), *offered])


def _hash(message: Any) -> int:
    """Return the number of a message: of its role and text where these are all it has, else of its JSON."""
    role = _ROLES.get(message.__class__, _OTHER)
    bare = role != _OTHER and message.content.__class__ is str and message.name is UNSET
    if bare and message.__class__ is Assistant:
        others = (message.refusal, message.weight, message.tool_calls, message.function_call)
        bare = others == (UNSET, UNSET, UNSET, UNSET)
    return hash_text(role, message.content) if bare else hash_text(_JSON, _encode(message))
