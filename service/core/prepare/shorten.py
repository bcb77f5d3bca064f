"""Shortens the prompt of an example: older exchanges go first, then the longest texts lose tokens; answers stay."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from service.core.dataset.values import Json, is_list, is_object

Cut = Literal["start", "middle", "end"]
Count = Callable[[str], int]
Length = Callable[[Json], int]

_MARK = "…"
_ROUNDS = 2
"""Where a model's template writes the chat, a line may lose a token less than its texts do."""


def shortened(line: Json, limit: int, cut: Cut, length: Length, count: Count) -> Json | None:
    """Return the line with `length` of at most `limit` tokens, or None where its answer alone is longer.

    `length` counts a line, `count` a text. Answers, calls, declarations and the first system messages stay as they are,
    the system messages' texts unless nothing else is left to cut.
    """
    exchanges = _Exchanges(line)
    low, high = 0, exchanges.droppable
    while low < high:  # the fewest exchanges whose absence is enough; all that may go where none is
        middle = (low + high) // 2
        if length(exchanges.without(middle)) <= limit:
            high = middle
        else:
            low = middle + 1
    line = exchanges.without(low)
    excess = length(line) - limit
    for _ in range(_ROUNDS):
        for path in sorted(_texts(line), key=lambda each: (each.system, -count(each.text))):
            if excess <= 0:
                return line
            path.put(_cut(path.text, count(path.text) - excess, cut, count))
            excess = length(line) - limit
    return line if excess <= 0 else None


class _Exchanges:
    """A line's conversation as what opens it, and exchanges that each begin with a user message."""

    def __init__(self, line: Json) -> None:
        self._line = line
        self._holder = "input" if is_object(line.get("input")) else None
        held = line["input"] if self._holder else line
        self._messages: list[Any] = held["messages"] if is_list(held.get("messages")) else []
        roles = [each.get("role") if is_object(each) else None for each in self._messages]
        head = 0
        while head < len(roles) and roles[head] in ("system", "developer"):
            head += 1
        self._head = head
        self._starts = [
            at for at in range(head, len(roles)) if roles[at] == "user" and (not at or roles[at - 1] != "user")
        ]

    @property
    def droppable(self) -> int:
        """How many exchanges may go; the last one stays."""
        return max(0, len(self._starts) - 1)

    def without(self, number: int) -> Json:
        """Return a copy of the line, fit to be changed, without its first `number` exchanges."""
        if not self._messages:
            return dict(self._line)
        kept = self._messages[: self._head] + self._messages[self._starts[number] if number else self._head :]
        copies = [_copy(each) for each in kept]
        if self._holder:
            return {**self._line, "input": {**self._line["input"], "messages": copies}}
        return {**self._line, "messages": copies}


class _Text:
    """A text that may be cut, and where it stands."""

    def __init__(self, holder: Json, key: str, *, system: bool) -> None:
        self._holder = holder
        self._key = key
        self.text: str = holder[key]
        self.system = system

    def put(self, text: str) -> None:
        self._holder[self._key] = text


def _texts(line: Json) -> list[_Text]:
    """Return the texts that are asked, not answered."""
    if "messages" not in line and "input" not in line:
        return [_Text(line, "prompt", system=False)] if isinstance(line.get("prompt"), str) else []
    messages: Sequence[Any] = (line["input"] if is_object(line.get("input")) else line)["messages"]
    found: list[_Text] = []
    for message in messages:
        if not is_object(message) or message.get("role") == "assistant":
            continue
        system = message.get("role") in ("system", "developer")
        content = message.get("content")
        if isinstance(content, str):
            found.append(_Text(message, "content", system=system))
        parts = content if is_list(content) else []
        found += [
            _Text(part, "text", system=system)
            for part in parts
            if is_object(part) and isinstance(part.get("text"), str)
        ]
    return found


def _copy(message: Any) -> Any:
    if not is_object(message):
        return message
    content = message.get("content")
    if is_list(content):
        return {**message, "content": [dict(part) if is_object(part) else part for part in content]}
    return dict(message)


def _cut(text: str, limit: int, cut: Cut, count: Count) -> str:
    """Return as much of a text as has at most `limit` tokens together with a mark; the mark alone where none has."""
    low, high, best = 0, len(text), _MARK
    while low < high:
        middle = (low + high + 1) // 2
        tried = _joined(text, middle, cut)
        if count(tried) <= limit:
            low, best = middle, tried
        else:
            high = middle - 1
    return best


def _joined(text: str, kept: int, cut: Cut) -> str:
    if cut == "end":
        return f"{text[:kept].rstrip()} {_MARK}"
    if cut == "start":
        return f"{_MARK} {text[len(text) - kept :].lstrip()}"
    head = kept // 2
    return f"{text[:head].rstrip()} {_MARK} {text[len(text) - (kept - head) :].lstrip()}"
