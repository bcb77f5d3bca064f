"""Rules of tools: their declarations, the calls that answers make, and the results that follow."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from service.core.dataset.calls import check_repeats
from service.core.dataset.defects import Defect, Found, shown
from service.core.dataset.known import kept
from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    Function,
    FunctionCall,
    FunctionResult,
    Tool,
    ToolResult,
    Unreadable,
)
from service.core.dataset.parse import repeated_in
from service.core.dataset.schema import lost_reference, misfit, schema_defect, unstrict
from service.core.dataset.values import Json, is_object

MAX_FUNCTIONS = 128
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_arguments = msgspec.json.Decoder(Json)

Declared = dict[str, Json | None]


class _Judged(NamedTuple):
    schema: Json | None
    defects: Found


def check_tools(tools: Sequence[Tool | None] | UnsetType | None, found: Found, path: str = "tools") -> Declared:
    """Check declarations (None stands for one that could not be read) and return name to schema."""
    if tools is UNSET or tools is None:
        return {}
    if len(tools) > MAX_FUNCTIONS:
        found.append(Defect("invalid_tool_schema", path, f"{len(tools)} tools, at most {MAX_FUNCTIONS} are taken"))
    declared: Declared = {}
    for at, tool in enumerate(tools):
        if tool is not None:
            _declare(tool.function, _judge_tool(tool), declared, found, f"{path}[{at}].function")
    return declared


def check_functions(functions: Sequence[Function | None] | UnsetType | None, found: Found) -> Declared:
    """Check the deprecated `functions` and return name to schema."""
    if functions is UNSET or functions is None:
        return {}
    if not 1 <= len(functions) <= MAX_FUNCTIONS:
        found.append(
            Defect("invalid_tool_schema", "functions", f"{len(functions)} functions, 1 to {MAX_FUNCTIONS} are taken")
        )
    declared: Declared = {}
    for at, function in enumerate(functions):
        if function is not None:
            _declare(function, _judge(function), declared, found, f"functions[{at}]")
    return declared


def _declare(function: Function, judged: _Judged, declared: Declared, found: Found, path: str) -> None:
    """Take in a declaration, and what is wrong with it by itself."""
    if function.name in declared:
        found.append(Defect("invalid_tool_schema", f"{path}.name", f"{shown(function.name)} is declared twice"))
    declared[function.name] = judged.schema
    for defect in judged.defects:
        found.append(defect._replace(path=f"{path}.{defect.path}"))


@kept
def _judge_tool(tool: Tool) -> _Judged:
    return _judge(tool.function)


def _judge(function: Function) -> _Judged:
    """Return a function's schema and what is wrong with the declaration, by its path within."""
    schema = function.parameters if is_object(function.parameters) else None
    found: Found = []
    if not _FUNCTION_NAME.fullmatch(function.name):
        found.append(Defect("invalid_name", "name", f"{shown(function.name)} is not a valid function name"))
    if schema is not None and (wrong := schema_defect(schema, "parameters")):
        found.append(Defect("invalid_tool_schema", *wrong))
    elif schema is not None and (lost := lost_reference(schema)):
        found.append(Defect("invalid_tool_schema", "parameters", f"{shown(lost)} refers to what there is not"))
    elif schema is not None and function.strict is True and (loose := unstrict(schema, "parameters")):
        found.append(Defect("tool_schema_not_strict", *loose))
    return _Judged(schema, found)


def check_calls(messages: Sequence[AnyMessage], declared: Declared, found: Found, path: str, *, whole: bool) -> None:
    """Check calls against declarations and results against calls, in order.

    `whole` is False where some declaration could not be read: an unknown name is then no finding.
    """
    known: set[str] = set()
    waiting: dict[str, str] = {}
    blind = False
    for at, message in enumerate(messages):
        if isinstance(message, Unreadable):
            waiting, blind = {}, True
            continue
        if isinstance(message, ToolResult):
            if not blind or message.tool_call_id in waiting:
                _match_result(message, known, waiting, found, f"{path}[{at}]")
            continue
        for call, where in waiting.items():
            found.append(Defect("unanswered_tool_call", where, f"no tool message answers {shown(call)}"))
        waiting = {}
        if isinstance(message, Assistant):
            if message.tool_calls is not UNSET or message.function_call is not UNSET:
                waiting = _calls_of(message, declared, found, f"{path}[{at}]", whole=whole)
                known |= waiting.keys()
        elif isinstance(message, FunctionResult) and whole and message.name not in declared:
            told = f"{shown(message.name)} is not in `functions`"
            found.append(Defect("undeclared_tool", f"{path}[{at}].name", told))


def _match_result(result: ToolResult, known: set[str], waiting: dict[str, str], found: Found, path: str) -> None:
    call = result.tool_call_id
    if waiting.pop(call, None) is not None:
        return
    if call in known:
        found.append(Defect("unused_tool_result", f"{path}.tool_call_id", f"{shown(call)} has been answered before"))
    else:
        if waiting:  # the result was meant for one of these: one cause, one finding
            waiting.pop(next(iter(waiting)))
        found.append(
            Defect("unknown_tool_call_id", f"{path}.tool_call_id", f"no call before it has the id {shown(call)}")
        )


def _calls_of(message: Assistant, declared: Declared, found: Found, path: str, *, whole: bool) -> dict[str, str]:
    """Check the calls of one answer and return id to path."""
    if message.function_call is not UNSET and message.function_call is not None:
        _check_call(message.function_call, declared, found, f"{path}.function_call", whole=whole)
    calls = message.tool_calls
    if calls is UNSET or calls is None:
        return {}
    if not calls:
        found.append(Defect("invalid_tool_call", f"{path}.tool_calls", "`tool_calls` is an empty list"))
    ids: dict[str, str] = {}
    for at, call in enumerate(calls):
        here = f"{path}.tool_calls[{at}]"
        if not call.id or call.id in ids:
            wrong = "is used twice" if call.id else "is empty"
            found.append(Defect("invalid_tool_call", f"{here}.id", f"the call's id {wrong}"))
        ids[call.id] = here
        _check_call(call.function, declared, found, f"{here}.function", whole=whole)
    if len(ids) == len(calls):
        check_repeats([call.function for call in calls], found, f"{path}.tool_calls")
    return ids


def _check_call(call: FunctionCall, declared: Declared, found: Found, path: str, *, whole: bool) -> None:
    if not _FUNCTION_NAME.fullmatch(call.name):
        found.append(Defect("invalid_name", f"{path}.name", f"{shown(call.name)} is not a valid function name"))
    elif whole and call.name not in declared:
        found.append(Defect("undeclared_tool", f"{path}.name", f"{shown(call.name)} is not declared"))
    try:
        arguments = _arguments.decode(call.arguments)
        twice = repeated_in(call.arguments, arguments)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        found.append(
            Defect("tool_arguments_not_json", f"{path}.arguments", "`arguments` is not the text of a JSON object")
        )
        return
    if twice is not None:
        found.append(Defect("repeated_key", f"{path}.arguments", f"{shown(twice)} is given more than once"))
    schema = declared.get(call.name)
    if schema is not None and (wrong := misfit(arguments, schema, "arguments")):
        found.append(Defect("tool_arguments_mismatch", f"{path}.arguments", wrong))
