"""What an example asks and what it answers, as numbers: equal for equal content, however the JSON is written.

The numbers have 64 bits and hold within one process only.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

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
"""As `json.h` numbers them."""

_UNTAUGHT, _JSON = 3, 4


def hash_text(role: int, text: str | bytes) -> int:
    """Return the number of a text that is said in a role."""
    if native is None:
        return hash((role, text)) & _BITS
    try:
        return native.hash_text(role, text)
    except UnicodeEncodeError:  # half a character
        assert isinstance(text, str)
        return native.hash_text(role, text.encode("utf-8", "surrogatepass"))


def hash_row(hashes: Sequence[int]) -> int:
    """Return the number of some numbers in their order; that of none is 0."""
    if native is None:
        return hash(tuple(hashes)) & _BITS if hashes else 0
    return native.hash_row(hashes)


def fingerprint(line: Line, raw: bytes, numbers: Sequence[int]) -> tuple[int, int]:
    """Return the numbers of an example's context and of its target; `numbers` are those of `turns_of(line)`.

    An example that asks nothing (no user message before the answer) is its own context, with a target of zero.
    """
    if isinstance(line, ChatLine):
        offered = [_number_of(each) for each in line.tools or ()]
        if line.functions:
            offered += map(_of_json, line.functions)
        if User in map(type, line.messages[:-1]):
            return hash_row([*numbers[:-1], *offered]), numbers[-1]
        return hash_row([*numbers, *offered]), _WHOLE
    if isinstance(line, CompletionLine):
        return _of(line.prompt), _of(line.completion)
    if isinstance(line, PreferenceLine):
        asked, answers = len(line.input.messages), numbers_of(line.non_preferred_output)
        context = [*numbers[:asked], *map(_number_of, line.input.tools or ())]
        return hash_row(context), hash_row([len(answers), *answers, *numbers[asked:]])
    return hash_row([*numbers, *map(_number_of, line.tools or ())]), _of(raw)


def turns_of(line: Line) -> Sequence[AnyMessage]:
    """Return the messages of a line, of a preference with the answer that is preferred."""
    if isinstance(line, PreferenceLine):
        return [*line.input.messages, *line.preferred_output]
    return () if isinstance(line, CompletionLine) else line.messages


def numbers_of(messages: Sequence[AnyMessage]) -> list[int]:
    """Return the number of each message."""
    return [_hash(message) for message in anonymous(messages)]


def number_of_system(system: str) -> int:
    """Return the number of a system prompt, 0 without one."""
    return hash_text(_ROLES[System], system) if system else 0


def alone(system: str) -> int:
    """Return the number that `Ends.before` has where nothing but a system prompt, "" without one, stands there."""
    return hash_row((number_of_system(system),) if system else ())


def _of(content: str | bytes) -> int:
    return hash_text(_JSON, content)


def _of_json(value: Any) -> int:
    return _of(_encode(value))


@kept
def _number_of(tool: Tool) -> int:
    return _of_json(tool)


def _hash(message: Any) -> int:
    """Return the number of a message: of its role, text and weight where these are all it has, else of its JSON.

    An answer of weight 1 is as one without.
    """
    kind = message.__class__
    role = _ROLES.get(kind)
    bare = role is not None and message.content.__class__ is str and message.name is UNSET
    if kind is Assistant:
        bare = bare and (message.refusal is message.tool_calls is message.function_call is UNSET)
        if message.weight == 0:
            role = _UNTAUGHT
        elif not bare and message.weight is not UNSET:
            message = msgspec.structs.replace(message, weight=UNSET)
    return hash_text(role, message.content) if bare and role is not None else hash_text(_JSON, _encode(message))
