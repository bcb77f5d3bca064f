"""What stands at the ends of an example, for the rules that compare it with others."""

from collections.abc import Sequence
from typing import Any

from service.core.dataset.classes import NO_TEXT
from service.core.dataset.lines import (
    Assistant,
    ChatLine,
    CompletionLine,
    Line,
    PreferenceLine,
    PromptMessage,
    System,
    TextPart,
    User,
)
from service.core.dataset.values import is_list


def ends_of(line: Line) -> tuple[str, str, str | None]:
    """Return an example's system prompt and what was asked last, "" where it has none, and its answer.

    The answer is None where there is none to compare with others.
    """
    if isinstance(line, CompletionLine):
        return "", line.prompt, line.completion
    if isinstance(line, PreferenceLine):
        messages: Sequence[PromptMessage] = [*line.input.messages, *line.preferred_output]
    else:
        messages = line.messages if isinstance(line, ChatLine) else ()
    if not messages:
        return "", "", None
    texts = [message.content if isinstance(message.content, str) else _joined(message.content) for message in messages]
    system = texts[0] if isinstance(messages[0], System) else ""
    asked = (text for message, text in zip(messages[::-1], texts[::-1], strict=True) if isinstance(message, User))
    return system, next(asked, ""), texts[-1] if isinstance(messages[-1], Assistant) else None


def _joined(parts: Any) -> str:
    """Return the text of a content that is no text: of a list of nothing but texts."""
    if not is_list(parts) or not all(isinstance(part, TextPart) for part in parts):
        return NO_TEXT
    return "\n".join(part.text for part in parts)
