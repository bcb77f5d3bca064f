"""Dataset lines as engines read them: tolerant of extra members, exact about which line is at fault.

The service has checked the file before; what is refused here is only what can't be trained on.
"""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

MAX_LINE_BYTES = 8_000_000


class LineError(Exception):
    """A line that can't be used; the message names it, counting from 1."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message's content; only text is read."""

    type: str
    text: str | None = None
    refusal: str | None = None


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a function; `arguments` is JSON text."""

    name: str
    arguments: str = "{}"


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call of an assistant message."""

    function: Function


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a conversation; `weight` 0 keeps an assistant message out of the loss."""

    role: str
    content: str | list[Part] | None = None
    weight: float | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None


class FunctionDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A function that may be called."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that may be called."""

    function: FunctionDefinition


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """The question of a preference line."""

    messages: list[Message]
    tools: list[Tool] | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Any line; which members are there tells its form."""

    messages: list[Message] | None = None
    tools: list[Tool] | None = None
    functions: list[FunctionDefinition] | None = None
    prompt: str | None = None
    completion: str | None = None
    input: Preference | None = None
    preferred_output: list[Message] | None = None
    non_preferred_output: list[Message] | None = None


def read(path: Path) -> Iterator[tuple[int, Line]]:
    """Yield line number and line, in order; blank lines are skipped. Raises LineError."""
    decoder = msgspec.json.Decoder(Line)
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise LineError(f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes.")
            if number == 1:
                raw = raw.removeprefix(codecs.BOM_UTF8)
            if not raw.strip():
                continue
            try:
                yield number, decoder.decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise LineError(f"Invalid file format. Line {number}: {str(error)[:200]}") from error


def text_of(message: Message) -> str:
    """Return the words of a message; parts that are no text leave a mark of their type."""
    content = message.content
    if isinstance(content, list):
        return "".join(p.text or p.refusal or f"[{p.type}]" for p in content)
    return content or message.refusal or ""
