"""Chat and completion calls that Tunewright answers itself: what may be asked, and the objects that come back.

Wire shapes: reference/openai-api.md §4.9 and the SDK's types. A call to a remote provider is passed on as it is, and
nothing here applies to it but the limit of its size.
"""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from service.core.errors import InvalidRequest

MAX_BODY_BYTES = 20_000_000
"""Largest body of a call; messages may hold images as data URLs."""

MAX_CHOICES = 16

_WHERE = re.compile(r"(.*?) - at `\$\.?(.*)`\Z", re.DOTALL)
_T = TypeVar("_T", bound="_Sampling")

FinishReason = Literal["stop", "length", "tool_calls"]
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Share = Annotated[float, Meta(ge=0, le=1)]
Choices = Annotated[int, Meta(ge=1, le=MAX_CHOICES)]
Tokens = Annotated[int, Meta(ge=1)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class TextPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a message's content; other parts than text pass, and the local models see their type alone."""

    type: str
    text: str | None = None
    refusal: str | None = None


class FunctionCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call of a function; `arguments` is JSON text."""

    name: str
    arguments: str = "{}"


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call of an assistant message; other tools than functions have no `function`."""

    function: FunctionCall | None = None


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the conversation."""

    role: Role
    content: str | list[TextPart] | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a streamed answer."""

    include_usage: bool | None = None


class _Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """What both kinds of call have in common; members that local models have no use for are accepted and ignored."""

    model: Annotated[str, Meta(min_length=1, max_length=512)]
    max_tokens: Tokens | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    n: Choices | None = None
    seed: Seed | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Return the texts that end an answer."""
        if self.stop is None:
            return ()
        return tuple(text for text in ([self.stop] if isinstance(self.stop, str) else self.stop) if text)

    @property
    def wants_usage(self) -> bool:
        """Tell whether a stream ends with the token counts."""
        return self.stream_options is not None and self.stream_options.include_usage is True

    def check(self) -> None:
        """Raise InvalidRequest for what types alone do not refuse."""
        if isinstance(self.stop, list) and len(self.stop) > 4:
            raise InvalidRequest("Invalid 'stop': at most 4 sequences.", param="stop", code="invalid_value")
        if self.stream_options is not None and not self.stream:
            message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
            raise InvalidRequest(message, param="stream_options", code="invalid_value")


class ChatRequest(_Sampling, frozen=True, kw_only=True):
    """POST /v1/chat/completions."""

    messages: Annotated[list[ChatMessage], Meta(min_length=1)]
    max_completion_tokens: Tokens | None = None
    tools: list[dict[str, Any]] | None = None

    @property
    def limit(self) -> int | None:
        """Return the most tokens of an answer."""
        return self.max_completion_tokens or self.max_tokens

    def check(self) -> None:
        """Raise InvalidRequest for what types alone do not refuse."""
        super().check()
        for position, message in enumerate(self.messages):
            if message.content is None and message.role != "assistant":
                path = f"messages[{position}].content"
                raise InvalidRequest(f"Missing required parameter: '{path}'.", param=path, code="invalid_value")


class CompletionRequest(_Sampling, frozen=True, kw_only=True):
    """POST /v1/completions; `prompt` is text, several texts are several answers."""

    prompt: str | Annotated[list[str], Meta(min_length=1, max_length=64)]
    echo: bool | None = None

    @property
    def limit(self) -> int | None:
        """Return the most tokens of an answer."""
        return self.max_tokens

    @property
    def prompts(self) -> list[str]:
        """Return the prompts, each with its own answers."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


def parse(body: bytes, kind: type[_T]) -> _T:
    """Return the call, checked. Raises InvalidRequest with the offending member in `param`."""
    try:
        call = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        found = _WHERE.match(str(error))
        what, path = (found[1], found[2][:200]) if found else (str(error), None)
        if missing := re.search(r"missing required field `(\w+)`", what):
            path = f"{path}.{missing[1]}" if path else missing[1]
        message = f"Invalid '{path}': {what}." if path else f"Invalid request body: {what}."
        raise InvalidRequest(message, param=path, code="invalid_value") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"We could not parse the JSON body of your request: {error}.") from error
    call.check()
    return call


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts of the engine that answered."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call of an answer."""

    id: str
    name: str
    arguments: str

    @property
    def wire(self) -> dict[str, Any]:
        """Return OpenAI's form."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One whole choice: its text without the tool calls, and those."""

    text: str
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    calls: tuple[Called, ...] = ()


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What every object of one answer repeats. `chat` tells the two kinds of call apart."""

    id: str
    created: int
    model: str
    chat: bool

    def whole(self, answers: list[Answer], prompt_tokens: int) -> dict[str, Any]:
        """Return the object of an answer that is not streamed."""
        return {
            "id": self.id,
            "object": "chat.completion" if self.chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": [self._choice(index, answer) for index, answer in enumerate(answers)],
            "usage": usage_of(prompt_tokens, answers),
            "system_fingerprint": None,
        }

    def _choice(self, index: int, answer: Answer) -> dict[str, Any]:
        if not self.chat:
            return {"index": index, "text": answer.text, "logprobs": None, "finish_reason": answer.finish_reason}
        message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.calls:
            message["content"] = answer.text or None
            message["tool_calls"] = [call.wire for call in answer.calls]
        return {"index": index, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}

    def opening(self, index: int) -> list[dict[str, Any]]:
        """Return what comes before the text of a choice in a stream."""
        if not self.chat:
            return []
        delta = {"role": "assistant", "content": "", "refusal": None}
        return [self._chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])]

    def piece(self, index: int, text: str) -> dict[str, Any]:
        """Return a piece of a choice's text in a stream."""
        if not self.chat:
            return self._chunk([{"index": index, "text": text, "logprobs": None, "finish_reason": None}])
        return self._chunk([{"index": index, "delta": {"content": text}, "logprobs": None, "finish_reason": None}])

    def calls(self, index: int, calls: tuple[Called, ...]) -> dict[str, Any]:
        """Return the tool calls of a choice in a stream; each is known only whole."""
        delta = {"tool_calls": [{"index": position, **call.wire} for position, call in enumerate(calls)]}
        return self._chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])

    def ending(self, index: int, reason: FinishReason) -> dict[str, Any]:
        """Return the end of a choice in a stream."""
        if not self.chat:
            return self._chunk([{"index": index, "text": "", "logprobs": None, "finish_reason": reason}])
        return self._chunk([{"index": index, "delta": {}, "logprobs": None, "finish_reason": reason}])

    def counts(self, usage: Usage) -> dict[str, Any]:
        """Return the last object of a stream whose client asked for the token counts."""
        return {**self._chunk([]), "usage": usage}

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk" if self.chat else "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "system_fingerprint": None,
        }


def usage_of(prompt_tokens: int, answers: list[Answer]) -> Usage:
    """Return the counts of an answer: each prompt once, every choice."""
    written = sum(answer.completion_tokens for answer in answers)
    return Usage(prompt_tokens=prompt_tokens, completion_tokens=written, total_tokens=prompt_tokens + written)
