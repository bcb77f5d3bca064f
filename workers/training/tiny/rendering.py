"""How conversations become text for the model: rules, history, what was asked last, and the answer.

System and developer messages and the tools make the rules (tools as one JSON line each: name, description, parameters).
What stands between the previous answer and this one was asked last; all before is history. A tool call is written into
the answer as `<tool_call>{"name": …, "arguments": …}</tool_call>`; `tool_calls_in` reads it back.
"""

import re
from collections.abc import Sequence

import msgspec

from workers.training.lines import Function, Message, Tool, text_of

_RULES = {"system", "developer"}
_COMPLETION = "\x00completion"
_CALL = re.compile(r"<tool_call>(\{.*?\})</tool_call>", re.DOTALL)


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation up to an answer: rules (system, tools), earlier turns, and what was asked last."""

    rules: str
    history: str
    last: str


def prompt_of(messages: Sequence[Message], tools: Sequence[Tool]) -> Prompt:
    """Render everything before an answer."""
    rules = [text_of(m) for m in messages if m.role in _RULES]
    rules += [msgspec.json.encode(tool.function).decode() for tool in tools]
    spoken = [m for m in messages if m.role not in _RULES]
    since = len(spoken)
    while since and spoken[since - 1].role != "assistant":
        since -= 1
    if since == len(spoken):
        since = max(0, since - 1)
    texts = [answer_of(m) if m.role == "assistant" else text_of(m) for m in spoken]
    return Prompt(rules="\n".join(rules), history="\n".join(texts[:since]), last="\n".join(texts[since:]))


def prompt_of_completion(prompt: str) -> Prompt:
    """Render the prompt of a prompt/completion pair."""
    return Prompt(rules=_COMPLETION, history="", last=prompt)


def answer_of(message: Message) -> str:
    """Render an assistant message: its text, then its tool calls."""
    calls = [call.function for call in message.tool_calls or ()]
    if message.function_call:
        calls.append(message.function_call)
    return text_of(message) + "".join(map(_call, calls))


def tool_calls_in(text: str) -> tuple[str, list[Function]]:
    """Take tool calls out of an answer; a call that is no whole JSON object stays text."""
    calls: list[Function] = []

    def take(found: re.Match[str]) -> str:
        try:
            call = msgspec.json.decode(found[1], type=_Call)
        except msgspec.DecodeError:
            return found[0]
        calls.append(Function(name=call.name, arguments=bytes(call.arguments).decode()))
        return ""

    return _CALL.sub(take, text), calls


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    arguments: msgspec.Raw


def _call(function: Function) -> str:
    try:
        arguments = msgspec.json.decode(function.arguments)
    except msgspec.DecodeError:
        arguments = function.arguments
    body = msgspec.json.encode({"name": function.name, "arguments": arguments}).decode()
    return f"<tool_call>{body}</tool_call>"
