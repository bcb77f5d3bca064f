"""Chat and completion answers from local weights, in OpenAI's shapes, whole or as server-sent events.

Token counts in `usage` are the engine's own pieces. Members of a request that the engine can't follow are ignored, as
OpenAI-shaped servers do, except `n` above 1, which is refused.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import msgspec

from service.core import clock, ids
from service.core.errors import InvalidRequest, NotFound, TunewrightError
from workers.providers.protocol import Reply
from workers.training.engine import Chunk, Request
from workers.training.lines import Message, Tool
from workers.training.local_models import LocalModels
from workers.training.tiny.rendering import tool_calls_in

_JSON, _STREAM = "application/json", "text/event-stream"


class StreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Whether usage comes in a last chunk."""

    include_usage: bool | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a chat or completion request."""

    model: str
    messages: list[Message] | None = None
    prompt: str | list[str] | None = None
    tools: list[Tool] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    def request(self, *, chat: bool) -> Request:
        """Return it as the engine takes it; raises InvalidRequest."""
        if self.n not in {None, 1}:
            raise InvalidRequest("Local models give one answer; leave out n.", param="n", code="unsupported_value")
        most = self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens
        if most is not None and most < 1:
            raise InvalidRequest("max_tokens must be at least 1.", param="max_tokens", code="invalid_value")
        if chat and not self.messages:
            raise InvalidRequest("Missing required parameter: 'messages'.", param="messages", code="missing_parameter")
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Request(
            messages=self.messages or (),
            prompt=None if chat else _single(self.prompt),
            tools=self.tools or (),
            max_tokens=most,
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            seed=None if self.seed is None else abs(self.seed),
            stop=tuple(stop),
        )


async def reply(models: LocalModels, path: str, body: bytes) -> Reply:
    """Answer a POST to `chat/completions` or `completions`; errors come as OpenAI's envelope with their status."""
    chat = path.strip("/") == "chat/completions"
    try:
        if not chat and path.strip("/") != "completions":
            raise NotFound(f"Local models do not answer at {path}.", code="unknown_url")
        call = _decoded(body)
        request = call.request(chat=chat)
        chunks = await asyncio.to_thread(models.generate, call.model, request)
        if call.stream:
            return Reply(status=200, content_type=_STREAM, body=_Shape(call, chat=chat).streamed(chunks))
        content = await asyncio.to_thread(_Shape(call, chat=chat).whole, chunks)
    except TunewrightError as error:
        envelope = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
        return Reply(status=error.status, content_type=_JSON, body=_once(msgspec.json.encode({"error": envelope})))
    return Reply(status=200, content_type=_JSON, body=_once(content))


def _decoded(body: bytes) -> Call:
    try:
        return msgspec.json.decode(body, type=Call)
    except msgspec.ValidationError as error:
        path = str(error).rpartition("$.")[2].rstrip("`") if "$." in str(error) else None
        raise InvalidRequest(f"Invalid request: {error}", param=path, code="invalid_type") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("The body is no valid JSON.", code="invalid_json") from error


def _single(prompt: str | list[str] | None) -> str:
    if isinstance(prompt, list):
        if len(prompt) != 1:
            raise InvalidRequest("Local models take one prompt.", param="prompt", code="unsupported_value")
        return prompt[0]
    if prompt is None:
        raise InvalidRequest("Missing required parameter: 'prompt'.", param="prompt", code="missing_parameter")
    return prompt


class _Shape:
    """One answer's JSON."""

    def __init__(self, call: Call, *, chat: bool) -> None:
        self._chat = chat
        self._usage_wanted = bool(call.stream_options and call.stream_options.include_usage)
        self._tools = bool(call.tools)
        self._head: dict[str, Any] = {
            "id": ids.make(ids.CHAT_COMPLETION if chat else ids.COMPLETION),
            "created": int(clock.now()),
            "model": call.model,
        }

    def whole(self, chunks: Iterator[Chunk]) -> bytes:
        """Return the finished answer."""
        parts = list(chunks)
        text, last = "".join(part.text for part in parts), parts[-1]
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": last.finish_reason}
        if self._chat:
            message, called = self._message(text)
            choice |= {"message": message} | ({"finish_reason": "tool_calls"} if called else {})
        else:
            choice["text"] = text
        kind = "chat.completion" if self._chat else "text_completion"
        return msgspec.json.encode({**self._head, "object": kind, "choices": [choice], "usage": _usage(last)})

    def _message(self, text: str) -> tuple[dict[str, Any], bool]:
        """Take tool calls out of the text where the request offered tools."""
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        rest, calls = tool_calls_in(text) if self._tools else (text, [])
        if calls:
            message["content"] = rest or None
            message["tool_calls"] = [
                {"id": ids.make("call_"), "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
                for c in calls
            ]
        return message, bool(calls)

    async def streamed(self, chunks: Iterator[Chunk]) -> AsyncIterator[bytes]:
        """Yield server-sent events. With tools the text is held back to its end, since a call is only known whole."""
        if self._chat:
            yield self._event({"role": "assistant", "content": "", "refusal": None}, None)
        parts: list[str] = []
        last: Chunk | None = None
        while (chunk := await asyncio.to_thread(_next, chunks)) is not None:
            last = chunk
            if self._tools and self._chat:
                parts.append(chunk.text)
            elif chunk.text:
                yield self._event({"content": chunk.text}, None)
        if last is None:
            return
        finish: Literal["stop", "length", "tool_calls"] | None = last.finish_reason
        if parts:
            message, called = self._message("".join(parts))
            calls = [{"index": i, **c} for i, c in enumerate(message.get("tool_calls", ()))]
            finish = "tool_calls" if called else finish
            yield self._event({"content": message["content"]} | ({"tool_calls": calls} if calls else {}), None)
        yield self._event({}, finish)
        if self._usage_wanted:
            yield self._line({"choices": [], "usage": _usage(last)})
        yield b"data: [DONE]\n\n"

    def _event(self, delta: dict[str, Any], finish: str | None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": finish}
        choice |= {"delta": delta} if self._chat else {"text": delta.get("content") or ""}
        return self._line({"choices": [choice]} | ({"usage": None} if self._usage_wanted else {}))

    def _line(self, members: dict[str, Any]) -> bytes:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        return b"data: " + msgspec.json.encode({**self._head, "object": kind, **members}) + b"\n\n"


def _next(chunks: Iterator[Chunk]) -> Chunk | None:
    return next(chunks, None)


def _usage(last: Chunk) -> dict[str, int]:
    total = last.prompt_tokens + last.completion_tokens
    return {
        "prompt_tokens": last.prompt_tokens,
        "completion_tokens": last.completion_tokens,
        "total_tokens": total,
    }


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
