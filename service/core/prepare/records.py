"""Makes lines of the records that other tools write: Alpaca, ShareGPT, prompt and completion, Hugging Face messages."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from service.core.dataset.values import Json, is_list, is_object
from service.core.prepare.operations import Shape

_SPEAKERS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "assistant": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function_call": "function_call",
}
_MEMBERS = ("role", "content", "name", "weight", "refusal", "tool_calls", "tool_call_id", "function_call")


class NotConvertible(Exception):
    """A record that can't be made into a line; `code` is short and stable, the text says what is missing."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Talk:
    """A conversation found in a record, and what is offered with it; `sides` are the two answers of a preference."""

    __slots__ = ("extra", "messages", "sides")

    def __init__(self, messages: list[Json], extra: Json, sides: tuple[Json, Json] | None = None) -> None:
        self.messages = messages
        self.extra = extra
        self.sides = sides


def shape_of(names: Iterable[str]) -> Shape | None:
    """Return the shape that a record's columns speak for, None where they fit none."""
    columns = set(names)
    if "input" in columns and columns & {"preferred_output", "preferred_completion"}:
        return "preference"
    if {"chosen", "rejected"} <= columns:
        return "chosen_rejected"
    if "messages" in columns:
        return "messages"
    if "conversations" in columns:
        return "sharegpt"
    if {"instruction", "output"} <= columns:
        return "alpaca"
    return "completion" if {"prompt", "completion"} <= columns else None


def conversation(record: Json, shape: Shape) -> Talk:
    """Return the conversation of a record without preferences. Raises NotConvertible."""
    if shape == "alpaca":
        return _alpaca(record)
    if shape == "sharegpt":
        return _sharegpt(record)
    if shape == "completion":
        question, answer = (
            turns(record, name, role) for name, role in (("prompt", "user"), ("completion", "assistant"))
        )
        return Talk([*question, *answer], offered(record))
    return Talk(messages_of(record, "messages"), offered(record))


def offered(record: Json) -> Json:
    """Return the tools that come with a record; they may be written as JSON text."""
    tools = unpacked(record.get("tools"))
    if not tools:
        return {}
    if not is_list(tools):
        raise NotConvertible("invalid_tools", "`tools` is no list")
    extra: Json = {"tools": [_tool(tool) for tool in tools]}
    if isinstance(parallel := record.get("parallel_tool_calls"), bool):
        extra["parallel_tool_calls"] = parallel
    return extra


def unpacked(value: Any) -> Any:
    """Return what a text holds as JSON list or object (columns of CSV files), else the value itself."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def messages_of(record: Json, name: str) -> list[Json]:
    """Return a list of messages, without members that are null: Parquet gives every message all columns."""
    value = unpacked(record.get(name))
    if not is_list(value) or not value:
        raise NotConvertible("missing_messages", f"`{name}` is no list of messages")
    return [_message(each) for each in value]


def turns(record: Json, name: str, role: str) -> list[Json]:
    """Return a text as one message of `role`, or the list of messages that it is."""
    value = record.get(name)
    if is_list(unpacked(value)):
        return messages_of(record, name)
    return [{"role": role, "content": text_of(record, name)}]


def text_of(record: Json, name: str, default: str | None = None) -> str:
    """Return a column's text; numbers become text. Raises NotConvertible where there is none."""
    value = record.get(name, default)
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if value is None and default is not None:
        return default
    raise NotConvertible(f"missing_{name}", f"`{name}` holds no text")


def speech(value: Any, role: str | None = None) -> Json:
    """Return a ShareGPT turn, or a message, as a message. Raises NotConvertible."""
    if isinstance(value, str) and role is not None:
        return {"role": role, "content": value}
    if not is_object(value):
        raise NotConvertible("invalid_message", "a turn is no object")
    if "role" in value:
        return _message(value)
    speaker, text = value.get("from"), value.get("value")
    known = _SPEAKERS.get(speaker.lower()) if isinstance(speaker, str) else None
    if known is None:
        raise NotConvertible("unknown_role", "a turn's `from` is no known speaker")
    if not isinstance(text, str):
        raise NotConvertible("missing_content", "a turn has no `value`")
    return {"role": known, "content": text}


def _message(value: Any) -> Json:
    if not is_object(value):
        raise NotConvertible("invalid_message", "a message is no object")
    if "from" in value and "role" not in value:
        return speech(value)
    message = {key: value[key] for key in _MEMBERS if value.get(key) is not None}
    if is_list(calls := message.get("tool_calls")):
        message["tool_calls"] = [_call(call) for call in calls]
        if not calls:
            del message["tool_calls"]
    if is_list(parts := message.get("content")):
        message["content"] = [
            {key: item for key, item in part.items() if item is not None} if is_object(part) else part for part in parts
        ]
    return message


def _call(call: Any) -> Any:
    """Return a call whose arguments are text, as OpenAI has them; Hugging Face keeps them as an object."""
    function = call.get("function") if is_object(call) else None
    if not is_object(call) or not is_object(function):
        return call
    arguments = function.get("arguments")
    if is_object(arguments):
        arguments = json.dumps({key: item for key, item in arguments.items() if item is not None}, ensure_ascii=False)
    whole = {"id": call.get("id"), "type": call.get("type") or "function"}
    return {**whole, "function": {"name": function.get("name"), "arguments": arguments}}


def _alpaca(record: Json) -> Talk:
    instruction, given = text_of(record, "instruction"), text_of(record, "input", "")
    messages: list[Json] = []
    if system := text_of(record, "system", ""):
        messages.append({"role": "system", "content": system})
    history = unpacked(record.get("history"))
    for pair in history if is_list(history) else ():
        if not is_list(pair) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise NotConvertible("invalid_history", "`history` holds no pairs of question and answer")
        messages += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    messages.append({"role": "user", "content": f"{instruction}\n\n{given}" if given else instruction})
    return Talk([*messages, {"role": "assistant", "content": text_of(record, "output")}], offered(record))


def _sharegpt(record: Json) -> Talk:
    value = unpacked(record.get("conversations"))
    if not is_list(value) or not value:
        raise NotConvertible("missing_messages", "`conversations` is no list of turns")
    messages = _with_calls([speech(each) for each in value])
    if (system := text_of(record, "system", "")) and messages[0].get("role") != "system":
        messages.insert(0, {"role": "system", "content": system})
    return Talk(messages, offered(record))


def _with_calls(messages: Sequence[Json]) -> list[Json]:
    """Return turns `function_call` and `observation` as calls and their results."""
    made: list[Json] = []
    number = 0
    for message in messages:
        if message["role"] == "function_call":
            call = unpacked(message["content"])
            if not is_object(call) or not isinstance(call.get("name"), str):
                raise NotConvertible("invalid_tool_call", "a function_call holds no JSON with a `name`")
            number += 1
            arguments = call.get("arguments", {})
            written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
            function = {"name": call["name"], "arguments": written}
            calls = [{"id": f"call_{number}", "type": "function", "function": function}]
            made.append({"role": "assistant", "tool_calls": calls})
        elif message["role"] == "tool" and "tool_call_id" not in message:
            made.append({**message, "tool_call_id": f"call_{number}"})
        else:
            made.append(message)
    return made


def _tool(tool: Any) -> Any:
    if is_object(tool) and "function" not in tool and isinstance(tool.get("name"), str):
        return {"type": "function", "function": {key: item for key, item in tool.items() if item is not None}}
    return tool
