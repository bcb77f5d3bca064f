"""Looks closely at the texts of a line: at those rules that it may break, and at runs of blanks."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

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
from service.core.dataset.rules import SPACED_KEY, TextRule
from service.core.dataset.values import is_list

BLANKS = 100_000
"""Whitespace characters in a row that no example needs and that tokenizers fail on."""

Voice = Literal["system", "turn", "answer", "untaught"]
"""Who speaks: answers that are not learnt (weight 0, the side that is not preferred) are `untaught`."""

_HEARD: dict[str, tuple[Voice, ...]] = {
    "all": ("system", "turn", "answer", "untaught"),
    "answers": ("answer",),
    "turns": ("turn", "answer", "untaught"),
}
_CONFIRMED = 300
"""Different matches that are looked at in one text: each look may go through all of it."""

Places = Callable[[TextRule, str], Callable[[int], int | None]]
"""Returns, for a rule that has `in_text` and a text, what finds the first place from one on where a match may begin."""

_PLACES = 200
"""Places that are looked at one by one in one text."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_BLANKS = re.compile(rf"\s{{{BLANKS}}}")


def check_texts(line: Line, rules: Sequence[TextRule], found: Found, places: Places | None = None) -> None:
    """Add what the texts of one line break, each rule once a text, with a masked excerpt of what matched.

    Without `places` all of each text is searched.
    """
    rules = [rule for rule in rules if rule is not SPACED_KEY]
    if not rules:
        return
    for path, text, voice in texts_of(line):
        told: list[str] = []
        for rule in rules:
            if (
                voice in _HEARD[rule.within]
                and rule.message not in told
                and (match := _broken(rule, text, places)) is not None
            ):
                told.append(rule.message)
                found.append(Defect(rule.code, path, f"{rule.message}: {_excerpt(rule, match)}", rare=rule.rare))


def _broken(rule: TextRule, text: str, places: Places | None) -> str | None:
    """Return what breaks the rule in the text, or None."""
    begin = text.find(rule.needs)
    if begin < 0:
        return None
    begin = 0 if rule.reach is None else max(0, begin - rule.reach)
    found = matches(rule, text, begin, places)
    if rule.prose:
        if next(found, None) is None:
            return None
        text = _CODE.sub("", text)
        found = matches(rule, text, 0, places)
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


def matches(rule: TextRule, text: str, begin: int, places: Places | None) -> Iterator[str]:
    """Yield what matches from `begin` on, as `finditer` does: the pattern itself is tried at likely places alone."""
    if places is not None and rule.in_text is not None:
        place_from = places(rule, text)
        for _ in range(_PLACES):
            place = place_from(begin)
            if place is None:
                return
            begin = place + 1
            if (match := rule.compiled.match(text, place)) is not None:
                yield match[0]
                begin = max(begin, match.end())
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


def _voice_of(message: AnyMessage, *, taught: bool) -> Voice:
    if isinstance(message, Assistant):
        return "answer" if taught and message.weight != 0 else "untaught"
    return "system" if isinstance(message, System | Developer) else "turn"


def _texts_of(messages: Sequence[AnyMessage], path: str, *, taught: bool = True) -> Iterator[tuple[str, str, Voice]]:
    for at, message in enumerate(messages):
        content = getattr(message, "content", None)
        voice = _voice_of(message, taught=taught)
        if isinstance(content, str):
            yield f"{path}[{at}].content", content, voice
        elif is_list(content):
            for part_at, part in enumerate(content):
                if isinstance(part, TextPart):
                    yield f"{path}[{at}].content[{part_at}].text", part.text, voice
        if isinstance(message, Assistant):
            for call_at, call in enumerate(message.tool_calls or ()):
                yield f"{path}[{at}].tool_calls[{call_at}].function.arguments", call.function.arguments, voice
