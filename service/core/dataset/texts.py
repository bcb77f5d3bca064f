"""Looks closely at the texts of a line: at those rules that they may break, and at runs of blanks."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from service.core.dataset.defects import Defect, Found, shown
from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    CompletionLine,
    Developer,
    Line,
    PreferenceLine,
    System,
    TextPart,
)
from service.core.dataset.rules import RULES, TextRule
from service.core.dataset.values import is_list

BLANKS = 100_000
"""Whitespace characters in a row that no example needs and that tokenizers fail on."""

Voice = Literal["system", "turn", "answer", "untaught"]
"""Who speaks: answers that are not learnt (weight 0, the side that is not preferred) are `untaught`."""

_HEARD: dict[Voice, tuple[str, ...]] = {
    "system": ("all",),
    "turn": ("all", "turns"),
    "untaught": ("all", "turns"),
    "answer": ("all", "turns", "answers"),
}
_VOICES: dict[type, Voice] = {System: "system", Developer: "system"}
_CONFIRMED = 300
"""Different matches that are looked at in one text: each look may go through all of it."""

_PLACES = 200
"""Places that are looked at one by one in one text."""


class Suspicion(NamedTuple):
    """The text at a place of many may break some rules."""

    at: int
    rules: Sequence[TextRule]


class Search(Protocol):
    """Tells quickly which rules texts may break, and where."""

    def suspects(self, texts: Sequence[str], voices: Sequence[Voice]) -> list[Suspicion]:
        """Return all rules that each text may break as it is said, and perhaps others."""
        ...

    def places(self, rule: TextRule, text: str, most: int) -> Sequence[int] | None:
        """Return the first places, `most` of them, where matches of a rule may begin; None to search everywhere."""
        ...


class AllRules:
    """Suspects every rule, everywhere."""

    def __init__(self) -> None:
        self._heard = {
            voice: tuple(rule for rule in RULES if rule.within in within) for voice, within in _HEARD.items()
        }

    def suspects(self, texts: Sequence[str], voices: Sequence[Voice]) -> list[Suspicion]:
        """Return all rules for every text."""
        del texts
        return [Suspicion(at, self._heard[voice]) for at, voice in enumerate(voices)]

    def places(self, rule: TextRule, text: str, most: int) -> Sequence[int] | None:
        """Return None."""
        del rule, text, most


_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_BLANKS = re.compile(rf"\s{{{BLANKS}}}")


def check_text(path: str, text: str, rules: Sequence[TextRule], search: Search, found: Found) -> None:
    """Add which of some rules a text breaks, each once, with a masked excerpt of what matched."""
    told: list[str] = []
    for rule in rules:
        if rule.message not in told and (match := _broken(rule, text, search)) is not None:
            told.append(rule.message)
            found.append(Defect(rule.code, path, f"{rule.message}: {_excerpt(rule, match)}", rare=rule.rare))


def _broken(rule: TextRule, text: str, search: Search) -> str | None:
    """Return what breaks the rule in the text, or None."""
    begin = text.find(rule.needs)
    if begin < 0:
        return None
    begin = 0 if rule.reach is None else max(0, begin - rule.reach)
    found = matches(rule, text, begin, search)
    if rule.prose and "`" in text:
        if next(found, None) is None:
            return None
        text = _CODE.sub("", text)
        found = matches(rule, text, 0, search)
    if rule.confirm is None:
        return next(found, None)
    seen: set[str] = set()
    for match in found:
        if match not in seen:
            if rule.confirm(match, text):
                return match
            seen.add(match)
            if len(seen) == _CONFIRMED:
                break
    return None


def matches(rule: TextRule, text: str, begin: int, search: Search) -> Iterator[str]:
    """Yield what matches from `begin` on, as `finditer` does: the pattern itself is tried at likely places alone."""
    places = search.places(rule, text, _PLACES)
    for place in places or ():
        if place >= begin:
            begin = place + 1
            if (match := rule.compiled.match(text, place)) is not None:
                yield match[0]
                begin = max(begin, match.end())
    if places is None or len(places) == _PLACES:
        for match in rule.compiled.finditer(text, begin):
            yield match[0]


def _excerpt(rule: TextRule, match: str) -> str:
    if rule.hidden:
        return f"“{match[:2]}…” ({len(match)} characters)"
    unseen = dict.fromkeys(f"U+{ord(sign):04X}" for sign in match if not sign.isprintable() and not sign.isspace())
    return ", ".join(unseen) or shown(match.strip() or match)


def check_blanks(line: Line, found: Found) -> bool:
    """Whether a long line has a run of blanks that must not reach a tokenizer; adds the finding."""
    for path, text, _ in texts_of(line):
        if len(text) >= BLANKS and _BLANKS.search(text):
            found.append(Defect("whitespace_run", path, f"the text holds more than {BLANKS:,} blanks in a row"))
            return True
    return False


def texts_of(line: Line) -> Iterator[tuple[str, str, Voice]]:
    """Yield path, text and who speaks it, for every text of a line but its declarations."""
    if isinstance(line, CompletionLine):
        yield "prompt", line.prompt, "turn"
        yield "completion", line.completion, "answer"
    elif isinstance(line, PreferenceLine):
        yield from _texts_of(line.input.messages, "input.messages")
        yield from _texts_of(line.preferred_output, "preferred_output")
        yield from _texts_of(line.non_preferred_output, "non_preferred_output", taught=False)
    else:
        yield from _texts_of(line.messages, "messages")


def _texts_of(messages: Sequence[AnyMessage], path: str, *, taught: bool = True) -> Iterator[tuple[str, str, Voice]]:
    for at, message in enumerate(messages):
        kind = message.__class__
        voice = _VOICES.get(kind, "turn")
        answer = message if isinstance(message, Assistant) else None
        if answer is not None:
            voice = "answer" if taught and answer.weight != 0 else "untaught"
        content = getattr(message, "content", None)
        if isinstance(content, str):
            yield f"{path}[{at}].content", content, voice
        elif is_list(content):
            for part_at, part in enumerate(content):
                if isinstance(part, TextPart):
                    yield f"{path}[{at}].content[{part_at}].text", part.text, voice
        if answer is not None and answer.tool_calls:
            for call_at, call in enumerate(answer.tool_calls):
                yield f"{path}[{at}].tool_calls[{call_at}].function.arguments", call.function.arguments, voice
