"""How an example is laid out in tokens: texts in order, what stands before each, and which of them bear loss.

`roles` say who speaks where a text is the whole of a message in a chat, so that a model's own template can write it;
what is more than that (tools, names, parts, pairs of answers) has no role.

Source: OpenAI's cookbook ("Chat_finetuning_data_prep" and "How_to_count_tokens_with_tiktoken"). It equals the bill
for text; for tools and images it is an estimate. A call costs three tokens beside its texts, an image its 85
base tokens.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from service.core.dataset.known import KnownTool
from service.core.dataset.lines import (
    Assistant,
    ChatLine,
    CompletionLine,
    Developer,
    Function,
    FunctionCall,
    ImagePart,
    Line,
    PreferenceLine,
    RefusalPart,
    System,
    Tool,
    User,
)
from service.core.dataset.values import Json, is_list, is_object

PER_EXAMPLE = 3
PER_MESSAGE = 4  # three control tokens and the role, which is one token in both encodings
PER_NAME = 1
PER_CALL = 3
PER_IMAGE = 85
PER_FUNCTION = {"o200k_base": 7, "cl100k_base": 10}
PER_PROPERTIES = 3
PER_PROPERTY = 3
PER_ENUM = -3
PER_CHOICE = 3
PER_TOOLS = 12
_ROLES = {System: "system", Developer: "system", User: "user", Assistant: "assistant"}
_PAIRED: dict[type, str] = {}


class Spans:
    """The texts of many examples, one after another; `leads` are the fixed tokens before each, `trained` bears loss.

    With a `count`, which tells the tokens of texts together, known tools are counted once, and are fixed tokens then.
    """

    __slots__ = ("count", "leads", "per_function", "roles", "texts", "trained")

    def __init__(self, encoding: str, count: Callable[[Sequence[str]], int] | None = None) -> None:
        self.count = count
        self.texts: list[str] = []
        self.leads: list[int] = []
        self.trained: list[bool] = []
        self.roles: list[str] = []
        self.per_function = PER_FUNCTION.get(encoding, 7)

    def add(self, text: str, lead: int, trained: bool = False, role: str = "") -> None:
        self.texts.append(text)
        self.leads.append(lead)
        self.trained.append(trained)
        self.roles.append(role)

    def cut(self, number: int) -> None:
        """Keep so many texts."""
        for each in (self.texts, self.leads, self.trained, self.roles):
            del each[number:]

    def extend(self, texts: list[str], leads: list[int], trained: list[bool], roles: list[str]) -> None:
        self.texts += texts
        self.leads += leads
        self.trained += trained
        self.roles += roles


def lay_out(line: Line, spans: Spans) -> None:
    """Append the texts of one example; its tokens are the sum of their counts and leads, and PER_EXAMPLE for a chat."""
    if isinstance(line, CompletionLine):
        spans.add(line.prompt, 0)
        spans.add(line.completion, 0, True)
        return
    if isinstance(line, PreferenceLine):
        _lay_out_tools(line.input.tools, spans)
        _lay_out_messages(line.input.messages, spans, PER_EXAMPLE, False, _PAIRED)
        _lay_out_messages(line.preferred_output, spans, 0, True, _PAIRED)
        _lay_out_messages(line.non_preferred_output, spans, 0, True, _PAIRED)
        return
    _lay_out_tools(line.tools, spans)
    if isinstance(line, ChatLine):
        if line.functions:
            for function in line.functions:
                _add_function(_laid_out(function), spans)
            spans.add("", PER_TOOLS)
        _lay_out_messages(line.messages, spans, PER_EXAMPLE, True)
    else:
        _lay_out_messages(line.messages, spans, PER_EXAMPLE, False)


def _lay_out_messages(
    messages: Sequence[Any], spans: Spans, lead: int, learns: bool, speakers: Mapping[type, str] = _ROLES
) -> None:
    texts, leads, trained, roles = spans.texts, spans.leads, spans.trained, spans.roles
    for message in messages:
        kind = message.__class__
        content = message.content
        lead += PER_MESSAGE
        bears_loss = learns and kind is Assistant and message.weight != 0
        name = message.name
        if name is not UNSET and name is not None:
            spans.add(name, lead)
            lead = PER_NAME
        if content.__class__ is str:
            texts.append(content)
            leads.append(lead)
            trained.append(bears_loss)
            roles.append(speakers.get(kind, ""))
            lead = 0
        elif content.__class__ is list:
            lead = _lay_out_parts(content, spans, lead, bears_loss)
        if kind is Assistant and (message.tool_calls or message.function_call or message.refusal):
            lead = _lay_out_calls(message, spans, lead, bears_loss)
    if lead:
        spans.add("", lead)


def _lay_out_parts(parts: Sequence[Any], spans: Spans, lead: int, trained: bool) -> int:
    for part in parts:
        if isinstance(part, ImagePart):
            lead += PER_IMAGE
            continue
        spans.add(part.refusal if isinstance(part, RefusalPart) else part.text, lead, trained)
        lead = 0
    return lead


def _lay_out_calls(message: Assistant, spans: Spans, lead: int, trained: bool) -> int:
    if message.refusal is not UNSET and message.refusal:
        spans.add(message.refusal, lead, trained)
        lead = 0
    calls: list[FunctionCall] = [call.function for call in message.tool_calls or ()]
    if message.function_call is not UNSET and message.function_call is not None:
        calls.append(message.function_call)
    for call in calls:
        spans.add(call.name, lead + PER_CALL, trained)
        spans.add(call.arguments, 0, trained)
        lead = 0
    return lead


class _Pieces(NamedTuple):
    """Texts, and the fixed tokens before each."""

    texts: list[str]
    leads: list[int]

    def add(self, text: str, lead: int) -> None:
        self.texts.append(text)
        self.leads.append(lead)


def _lay_out_tools(tools: Any, spans: Spans) -> None:
    if tools is UNSET or not tools:
        return
    fixed = PER_TOOLS
    for tool in tools:
        if isinstance(tool, KnownTool) and spans.count is not None:
            fixed += _tokens_of(tool, spans.count) + spans.per_function
        elif isinstance(tool, Tool):
            _add_function(_laid_out(tool.function), spans)
    spans.add("", fixed)


def _tokens_of(tool: KnownTool, count: Callable[[Sequence[str]], int]) -> int:
    known = vars(tool)
    if "tokens" not in known:
        pieces = _laid_out(tool.function)
        known["tokens"] = count(pieces.texts) + sum(pieces.leads)
    return known["tokens"]


def _add_function(pieces: _Pieces, spans: Spans) -> None:
    number = len(pieces.texts)
    at = len(spans.leads)
    spans.extend(pieces.texts, pieces.leads, [False] * number, [""] * number)
    spans.leads[at] += spans.per_function


def _laid_out(function: Function) -> _Pieces:
    """Return a function's texts, the tokens for itself not counted."""
    pieces = _Pieces([], [])
    description = function.description if isinstance(function.description, str) else ""
    pieces.add(f"{function.name}:{description.removesuffix('.')}", 0)
    if is_object(function.parameters):
        _lay_out_properties(function.parameters, pieces)
    return pieces


def _lay_out_properties(schema: Json, pieces: _Pieces) -> None:
    properties = schema.get("properties")
    if not is_object(properties) or not properties:
        return
    lead = PER_PROPERTIES
    for name, value in properties.items():
        member: Json = value if is_object(value) else {}
        lead += PER_PROPERTY
        choices = member.get("enum")
        if is_list(choices):
            lead += PER_ENUM
            for choice in choices:
                pieces.add(choice if isinstance(choice, str) else json.dumps(choice), lead + PER_CHOICE)
                lead = 0
        description = str(member.get("description", "")).removesuffix(".")
        pieces.add(f"{name}:{member.get('type', '')}:{description}", lead)
        lead = 0
        _lay_out_properties(member, pieces)
