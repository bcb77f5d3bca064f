"""Messages without what says nothing: the ids of calls, and how their arguments are written."""

from collections.abc import Sequence

import msgspec

from service.core.dataset.lines import AnyMessage, Assistant, ToolCall, ToolResult

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_replace = msgspec.structs.replace


def anonymous(messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
    """Return messages with their calls numbered in order, and arguments with sorted members."""
    for each in messages:
        kind = each.__class__
        if kind is ToolResult or (kind is Assistant and each.tool_calls):  # pyright: ignore[reportAttributeAccessIssue]
            break
    else:
        return messages
    numbers: dict[str, str] = {}
    return [_without_ids(each, numbers) for each in messages]


def _without_ids(message: AnyMessage, numbers: dict[str, str]) -> AnyMessage:
    if isinstance(message, Assistant) and message.tool_calls:
        return _replace(message, tool_calls=[_numbered(call, numbers) for call in message.tool_calls])
    if isinstance(message, ToolResult):
        return _replace(message, tool_call_id=numbers.get(message.tool_call_id, ""))
    return message


def _numbered(call: ToolCall, numbers: dict[str, str]) -> ToolCall:
    numbers[call.id] = str(len(numbers))
    try:
        arguments = _encode(_decode(call.function.arguments)).decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        arguments = call.function.arguments
    return _replace(call, id=numbers[call.id], function=_replace(call.function, arguments=arguments))
