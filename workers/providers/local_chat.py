"""Answers of local models as OpenAI's objects, whole or as server-sent events.

The numbers are crunched in threads, a slice of 20 ms at a time, so that many answers grow side by side and one that
nobody waits for any more ends. Token counts in `usage` are the engine's own pieces.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from time import perf_counter
from typing import Any

import msgspec

from service.core import clock, ids
from service.core.chat import (
    Answer,
    Called,
    ChatMessage,
    ChatRequest,
    CompletionRequest,
    FinishReason,
    Head,
    parse,
    usage_of,
)
from service.core.errors import NotFound, TunewrightError
from workers.providers.protocol import ProviderError, Reason, Reply
from workers.training.engine import Chunk, Request
from workers.training.lines import Message, Tool
from workers.training.local_models import LocalModels
from workers.training.tiny.rendering import tool_calls_in

_SLICE_S = 0.02
_JSON, _STREAM = "application/json", "text/event-stream; charset=utf-8"
_KINDS: dict[str, type[ChatRequest] | type[CompletionRequest]] = {
    "chat/completions": ChatRequest,
    "completions": CompletionRequest,
}

_Call = ChatRequest | CompletionRequest
_Begun = tuple[list[Chunk], Iterator[Chunk]]


async def reply(models: LocalModels, path: str, body: bytes) -> Reply:
    """Answer a POST to `chat/completions` or `completions`. Raises ProviderError."""
    try:
        kind = _KINDS.get(path.strip("/"))
        if kind is None:
            raise NotFound(f"Local models do not answer at {path[:200]}.", code="unknown_url")
        call = parse(body, kind)
        writings = _writings(call)
        first = await asyncio.to_thread(_begin, models, call.model, writings[0])
    except NotFound as error:
        raise _refused("not_found", error) from error
    except TunewrightError as error:
        raise _refused("refused", error) from error
    shape = _Shape(models, call, writings, first)
    if call.stream:
        return Reply(status=200, content_type=_STREAM, body=shape.streamed())
    return Reply(status=200, content_type=_JSON, body=_once(await shape.whole()))


def _refused(reason: Reason, error: TunewrightError) -> ProviderError:
    return ProviderError(reason, error.message, retryable=False, code=error.code, param=error.param)


class _Writing(msgspec.Struct, frozen=True, kw_only=True):
    """One choice to be written. `echo` is repeated before it; `holds_back` keeps its text until calls are known."""

    request: Request
    echo: str = ""
    holds_back: bool = False


class _Shape:
    """One reply: its choices are written one after the other, the first of them was begun."""

    def __init__(self, models: LocalModels, call: _Call, writings: list[_Writing], first: _Begun) -> None:
        self._models = models
        self._call = call
        self._writings = writings
        self._first = first
        chat = isinstance(call, ChatRequest)
        self._head = Head(
            id=ids.make(ids.CHAT_COMPLETION if chat else ids.COMPLETION),
            created=int(clock.now()),
            model=call.model,
            chat=chat,
        )

    async def whole(self) -> bytes:
        """Return the object of an answer that is not streamed."""
        answers = [
            _answer(writing, [chunk async for chunk in self._chunks(index)])
            for index, writing in enumerate(self._writings)
        ]
        return msgspec.json.encode(self._head.whole(answers, self._prompt_tokens(answers)))

    async def streamed(self) -> AsyncIterator[bytes]:
        """Yield server-sent events."""
        answers: list[Answer] = []
        for index, writing in enumerate(self._writings):
            for opening in self._head.opening(index):
                yield _event(opening)
            if writing.echo:
                yield _event(self._head.piece(index, writing.echo))
            chunks: list[Chunk] = []
            async for chunk in self._chunks(index):
                chunks.append(chunk)
                if chunk.text and not writing.holds_back:
                    yield _event(self._head.piece(index, chunk.text))
            answers.append(_answer(writing, chunks))
            yield b"".join(map(_event, self._closing(index, writing, answers[-1])))
        if self._call.wants_usage:
            yield _event(self._head.counts(usage_of(self._prompt_tokens(answers), answers)))
        yield b"data: [DONE]\n\n"

    def _closing(self, index: int, writing: _Writing, answer: Answer) -> Iterator[dict[str, Any]]:
        if writing.holds_back and answer.text:
            yield self._head.piece(index, answer.text)
        if answer.calls:
            yield self._head.calls(index, answer.calls)
        yield self._head.ending(index, answer.finish_reason)

    async def _chunks(self, index: int) -> AsyncIterator[Chunk]:
        if index == 0:
            chunks, rest = self._first
        else:
            writing = self._writings[index]
            chunks, rest = await asyncio.to_thread(_begin, self._models, self._call.model, writing)
        while True:
            for chunk in chunks:
                yield chunk
            if not chunks or chunks[-1].finish_reason is not None:
                return
            chunks = await asyncio.to_thread(_slice, rest, _SLICE_S)

    def _prompt_tokens(self, answers: list[Answer]) -> int:
        """Count each prompt once, however many answers it has."""
        return sum(answer.prompt_tokens for answer in answers[:: self._call.n or 1])


def _begin(models: LocalModels, model: str, writing: _Writing) -> _Begun:
    """Load the model and write the first piece, so that what fails does so before an answer is begun."""
    rest = models.generate(model, writing.request)
    return _slice(rest, 0.0), rest


def _slice(rest: Iterator[Chunk], seconds: float) -> list[Chunk]:
    """Take chunks for about `seconds`, at least one while there is one."""
    until = perf_counter() + seconds
    chunks: list[Chunk] = []
    for chunk in rest:
        chunks.append(chunk)
        if perf_counter() >= until:
            break
    return chunks


def _writings(call: _Call) -> list[_Writing]:
    choices = range(call.n or 1)
    if isinstance(call, ChatRequest):
        messages = [_message(message) for message in call.messages]
        tools = [tool for one in call.tools or () if (tool := _tool(one)) is not None]
        return [
            _Writing(request=_request(call, choice, messages=messages, tools=tools), holds_back=bool(tools))
            for choice in choices
        ]
    return [
        _Writing(request=_request(call, choice, prompt=prompt), echo=prompt if call.echo else "")
        for prompt in call.prompts
        for choice in choices
    ]


def _request(call: _Call, choice: int, **what: Any) -> Request:
    return Request(
        max_tokens=call.limit,
        temperature=1.0 if call.temperature is None else call.temperature,
        top_p=1.0 if call.top_p is None else call.top_p,
        seed=None if call.seed is None else (call.seed + choice) % 2**63,
        stop=call.stops,
        **what,
    )


def _message(message: ChatMessage) -> Message:
    members = msgspec.to_builtins(message)
    members["tool_calls"] = [one for one in members["tool_calls"] or () if one["function"]] or None
    return msgspec.convert(members, Message)


def _tool(tool: dict[str, Any]) -> Tool | None:
    """Return a function tool; tools of other types mean nothing to local models."""
    with suppress(msgspec.ValidationError):
        return msgspec.convert(tool, Tool)
    return None


def _answer(writing: _Writing, chunks: list[Chunk]) -> Answer:
    last = chunks[-1] if chunks else None
    reason: FinishReason = (last.finish_reason if last else None) or "stop"
    text = "".join(chunk.text for chunk in chunks)
    rest, calls = tool_calls_in(text) if writing.holds_back else (text, [])
    return Answer(
        text=writing.echo + rest,
        finish_reason="tool_calls" if calls else reason,
        prompt_tokens=last.prompt_tokens if last else 0,
        completion_tokens=last.completion_tokens if last else 0,
        calls=tuple(Called(id=ids.make("call_"), name=call.name, arguments=call.arguments) for call in calls),
    )


def _event(value: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
