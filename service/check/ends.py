"""What stands at the ends of an example, for the rules that compare it with others."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from service.check.fingerprints import alone, hash_messages
from service.core.dataset.classes import NO_TEXT
from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    ChatLine,
    CompletionLine,
    Line,
    PreferenceLine,
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


def ends_of(line: Line) -> Ends:
    """Return the ends of an example."""
    if isinstance(line, CompletionLine):
        return Ends("", line.prompt, line.completion, alone(""), True)
    if isinstance(line, PreferenceLine):
        messages: Sequence[AnyMessage] = [*line.input.messages, *line.preferred_output]
    else:
        messages = line.messages if isinstance(line, ChatLine) else ()
    if not messages:
        return _NOTHING
    system = _text(messages[0]) if isinstance(messages[0], System) else ""
    asked = next((at for at in range(len(messages) - 1, -1, -1) if isinstance(messages[at], User)), None)
    answers = isinstance(messages[-1], Assistant)
    left = [each for at, each in enumerate(messages[:-1] if answers else messages) if at != asked]
    before = hash_messages(left)
    return Ends(
        system,
        "" if asked is None else _text(messages[asked]),
        _text(messages[-1]) if answers else None,
        before,
        before == alone(system),
        _opening_of(messages),
    )


def _opening_of(messages: Sequence[AnyMessage]) -> Opening | None:
    first, second, *_ = [*(at for at, each in enumerate(messages) if isinstance(each, User)), None, None]
    if first is None or second is None or not isinstance(messages[first + 1], Assistant):
        return None
    return Opening(*(_text(messages[at]) for at in (first, first + 1, second)))


def _text(message: Any) -> str:
    """Return a message's text; of a list of parts, all of them if they are nothing but texts."""
    content = message.content
    if isinstance(content, str):
        return content
    if not is_list(content) or not all(isinstance(part, TextPart) for part in content):
        return NO_TEXT
    return "\n".join(part.text for part in content)
