"""Finds secrets and personal data by the checker's own rules, and says which placeholder stands for each."""

import re
from collections.abc import Callable, Iterator, Sequence

from service.core.dataset.rules import RULES, TextRule

_CODES = {"secret": "secret_detected", "personal_data": "personal_data"}
_NAMES = {"secret_detected": "SECRET", "personal_data": "ID"}
_END = r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_KEY_BLOCK = re.compile(
    rf"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.{{0,20000}}?{_END}|(?:\\[nr]|[A-Za-z0-9+/=\s:,])*)"
)
_NAMED_SECRET = re.compile(r"(?i).{3,30}?(?: ?[:=：]=? ?| (?:is|ist|est|es)(?: |: ?)|は)[\"'`「]?")
_NAMED_NUMBER = re.compile(r"[^\d+(]*?(?=[+(]?[A-Za-z]{0,3}\d)")
_ROUNDS = 10

Number = Callable[[str, str], int]
"""Given a kind and a value, returns the value's number within its kind, the same each time."""


def rules_for(kinds: Sequence[str]) -> tuple[TextRule, ...]:
    """Return the rules that find these kinds (`secret`, `personal_data`)."""
    codes = {_CODES[kind] for kind in kinds}
    return tuple(rule for rule in RULES if rule.code in codes)


def redacted(text: str, rules: Sequence[TextRule], number: Number) -> tuple[str, list[str]]:
    """Return `text` with a placeholder like `[EMAIL_1]` for each value that a rule finds, and the kinds found.

    Looks again until no rule finds anything: what stands beside a placeholder may be a value of its own.
    """
    kinds: list[str] = []
    for _ in range(_ROUNDS):
        found = sorted(_found(text, rules), key=lambda each: (each[0], -each[1]))
        if not found:
            break
        pieces: list[str] = []
        at = 0
        for start, end, kind in found:
            if start < at:
                continue  # within what an earlier rule took
            pieces += (text[at:start], f"[{kind}_{number(kind, text[start:end])}]")
            kinds.append(kind)
            at = end
        text = "".join((*pieces, text[at:]))
    return text, kinds


def _found(text: str, rules: Sequence[TextRule]) -> Iterator[tuple[int, int, str]]:
    for rule in rules:
        kind = rule.stands_for or _NAMES[rule.code]
        if kind == "SECRET":
            yield from ((*match.span(), kind) for match in _KEY_BLOCK.finditer(text))
        for match in rule.compiled.finditer(text):
            if rule.confirm is None or rule.confirm(match[0], text):
                yield match.start() + _name(rule, match[0]), match.end(), kind


def _name(rule: TextRule, found: str) -> int:
    """Return how many characters of what a rule found only name the value behind them, and may stay."""
    if not rule.ignore_case:
        return 0
    pattern = _NAMED_SECRET if rule.code == "secret_detected" else _NAMED_NUMBER
    name = pattern.match(found)
    return name.end() if name is not None and name.end() < len(found) else 0
