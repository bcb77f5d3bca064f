"""What stands at the ends of an example, for the rules that compare it with others."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.check.fingerprints import alone, hash_row
from service.core.dataset.classes import NO_TEXT
from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    CompletionLine,
    Line,
    ReinforcementLine,
    System,
    TextPart,
    User,
)
from service.core.dataset.values import is_list


class Opening(NamedTuple):
    """The first exchange of a conversation, and what is asked next, "" where nothing is."""

    question: str
    answer: str
    next: str


class Ends(NamedTuple):
    """An example's system prompt and what was asked last, "" where it has none, and its answer, None where there is
    none to compare with others; `before` is the number of all that stands before that question (and of what stands
    between it and the answer), `alone` says that this is no more than a system prompt. `opening` is that of an example
    of several questions."""

    system: str
    question: str
    answer: str | None
    before: int
    alone: bool
    opening: Opening | None = None


_NOTHING = Ends("", "", None, alone(""), True)


def ends_of(line: Line, messages: Sequence[AnyMessage], numbers: Sequence[int]) -> Ends:
    """Return the ends of an example, of whose turns the messages and their numbers are."""
    if isinstance(line, CompletionLine):
        return Ends("", line.prompt, line.completion, alone(""), True)
    if not messages or isinstance(line, ReinforcementLine):
        return _NOTHING
    kinds = [message.__class__ for message in messages]
    asked = len(kinds) - 1 - kinds[::-1].index(User) if User in kinds else None
    answers = kinds[-1] is Assistant
    left = list(numbers[:-1] if answers else numbers)
    if asked is not None:
        del left[asked]
    system = _text(messages[0]) if kinds[0] is System else ""
    before = hash_row(left)
    return Ends(
        system,
        "" if asked is None else _text(messages[asked]),
        _text(messages[-1]) if answers else None,
        before,
        before == alone(system),
        _opening_of(messages, kinds) if kinds.count(User) > 1 else None,
    )


def _opening_of(messages: Sequence[AnyMessage], kinds: Sequence[type]) -> Opening | None:
    first = kinds.index(User)
    if kinds[first + 1] is not Assistant:
        return None
    return Opening(*(_text(messages[at]) for at in (first, first + 1, kinds.index(User, first + 1))))


def _text(message: Any) -> str:
    """Return a message's text; of a list of parts, all of them if they are nothing but texts."""
    content = message.content
    if isinstance(content, str):
        return content
    if not is_list(content) or not all(isinstance(part, TextPart) for part in content):
        return NO_TEXT
    return "\n".join(part.text for part in content)
