"""The line forms of training files as strict structs: decoding one proves its shape.

Source: OpenAI's fine-tuning guide and API description (chat, preference, reinforcement, legacy prompt/completion).
UNSET keeps an absent member apart from null, so that encoding a line again gives its members exactly. No line can
hold itself, so Python's collector of cycles need not look at it (`gc=False`: a tenth of the decoding's time).
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from service.core.dataset.values import Json


class TextPart(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="type", tag="text"
):
    text: str


class RefusalPart(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="type", tag="refusal"
):
    refusal: str


class ImageUrl(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    url: str
    detail: Literal["low", "high", "auto"] | UnsetType = UNSET


class ImagePart(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="type", tag="image_url"
):
    image_url: ImageUrl


UserContent = str | list[TextPart | ImagePart]
AnswerContent = str | list[TextPart | RefusalPart] | None


class Function(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """A function's definition; `parameters` is a JSON Schema."""

    name: str
    description: str | UnsetType | None = UNSET
    parameters: Json | UnsetType | None = UNSET
    strict: bool | UnsetType | None = UNSET


class Tool(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    type: Literal["function"]
    function: Function


class FunctionCall(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    id: str
    type: Literal["function"]
    function: FunctionCall


class System(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="role", tag="system"
):
    content: str | list[TextPart]
    name: str | UnsetType | None = UNSET


class Developer(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="role", tag="developer"
):
    content: str | list[TextPart]
    name: str | UnsetType | None = UNSET


class User(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="role", tag="user"
):
    content: UserContent
    name: str | UnsetType | None = UNSET


class Assistant(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="role", tag="assistant"
):
    content: AnswerContent | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    refusal: str | UnsetType | None = UNSET
    weight: Literal[0, 1] | UnsetType | None = UNSET
    tool_calls: list[ToolCall] | UnsetType | None = UNSET
    function_call: FunctionCall | UnsetType | None = UNSET


class ToolResult(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="role", tag="tool"
):
    content: str | list[TextPart]
    tool_call_id: str
    name: str | UnsetType | None = UNSET


class FunctionResult(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, tag_field="role", tag="function"
):
    content: str | None
    name: str


class Unreadable(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Stands in for a message with a defect of its own, so that the rules of the whole go on without it."""

    role: str | None


Message = System | User | Assistant | ToolResult | FunctionResult
PromptMessage = Message | Developer
AnyMessage = PromptMessage | Unreadable


class ChatLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    messages: list[Message]
    tools: list[Tool] | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET
    functions: list[Function] | UnsetType | None = UNSET


class PreferenceInput(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    messages: list[Message]
    tools: list[Tool] | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET


class PreferenceLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    input: PreferenceInput
    preferred_output: list[Assistant]
    non_preferred_output: list[Assistant]


class ReinforcementLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Members beside these are the item's own, for graders to read."""

    messages: list[PromptMessage]
    tools: list[Tool] | UnsetType | None = UNSET
    parallel_tool_calls: bool | UnsetType | None = UNSET


class CompletionLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    prompt: str
    completion: str


Line = ChatLine | PreferenceLine | ReinforcementLine | CompletionLine
CHAT_MEMBERS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
