"""Looks closely at the texts of a line: at those rules whose anchors the line holds, and at runs of blanks."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from service.core.dataset.defects import Defect, Found
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

Voice = Literal["system", "turn", "answer"]


_WINDOW = 70
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_BLANKS = re.compile(rf"\s{{{BLANKS}}}")


def check_texts(line: Line, rules: Sequence[TextRule], found: Found) -> None:
    """Add what the texts of one line break. Messages name the rule, never the matched text."""
    for path, text, voice in texts_of(line):
        for rule in rules:
            if _hears(rule, voice) and _breaks(rule, text):
                found.append(Defect(rule.code, path, rule.message))


def _hears(rule: TextRule, voice: Voice) -> bool:
    if rule.within == "all":
        return rule is not SPACED_KEY
    return voice == "answer" if rule.within == "answers" else voice != "system"


def _breaks(rule: TextRule, text: str) -> bool:
    if rule.prose:
        return rule.pattern.search(text) is not None and rule.pattern.search(_CODE.sub("", text)) is not None
    if rule.starts:
        return rule.pattern.match(text) is not None
    if rule.confirm is not None:
        return any(rule.confirm(match[0]) for match in rule.pattern.finditer(text))
    if rule.around is None:
        return rule.pattern.search(text) is not None
    at = text.find(rule.around)
    while at >= 0:
        if rule.pattern.search(text, max(0, at - _WINDOW), at + _WINDOW) is not None:
            return True
        at = text.find(rule.around, at + 1)
    return False


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
        yield from _texts_of(line.non_preferred_output, "non_preferred_output")
    else:
        yield from _texts_of(line.messages, "messages")


def _texts_of(messages: Sequence[AnyMessage], path: str) -> Iterator[tuple[str, str, Voice]]:
    for at, message in enumerate(messages):
        content = getattr(message, "content", None)
        voice: Voice = (
            "answer"
            if isinstance(message, Assistant)
            else "system"
            if isinstance(message, System | Developer)
            else "turn"
        )
        if isinstance(content, str):
            yield f"{path}[{at}].content", content, voice
        elif is_list(content):
            for part_at, part in enumerate(content):
                if isinstance(part, TextPart):
                    yield f"{path}[{at}].content[{part_at}].text", part.text, voice
        if isinstance(message, Assistant):
            for call_at, call in enumerate(message.tool_calls or ()):
                yield f"{path}[{at}].tool_calls[{call_at}].function.arguments", call.function.arguments, voice
