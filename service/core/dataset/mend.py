"""The slow way to judge a whole line: every defect of its shape, then the rules on what could be read."""

from collections.abc import Callable
from typing import Any

import msgspec

from service.core.dataset.codes import CODES
from service.core.dataset.conversation import check_prompt, check_training
from service.core.dataset.defects import Defect, Found, shown
from service.core.dataset.forms import Form, judge_completion, judge_input, judge_prompt, judge_side, judge_tools
from service.core.dataset.lines import CHAT_MEMBERS, AnyMessage, Function, Tool, Unreadable
from service.core.dataset.parse import member
from service.core.dataset.salvage import salvage_message, salvage_messages
from service.core.dataset.values import Json, is_list, is_object, kind_of

_TOOL_MEMBERS = CHAT_MEMBERS - {"messages"}
_OLD_SIDES = {"preferred_completion": "preferred_output", "non_preferred_completion": "non_preferred_output"}


def judge_slowly(line: Json, form: Form, found: Found) -> None:
    """Add every defect of a line that does not have the form's shape."""
    before = len(found)
    _JUDGES[form](line, found)
    if not any(CODES[defect.code].severity == "error" for defect in found[before:]):
        found.append(Defect("invalid_message", None, f"the line does not have the form of a {form} line"))


def check_roles(line: Json, found: Found) -> None:
    """Find messages of a preference's sides that name no role: the shape of an answer is read without."""
    for side in ("preferred_output", "non_preferred_output"):
        listed = line.get(side)
        for at, message in enumerate(listed if is_list(listed) else ()):
            if is_object(message) and "role" not in message:
                found.append(Defect("missing_role", f"{side}[{at}].role", "the message has no role"))


def _chat(line: Json, found: Found) -> None:
    _note_unknown(line, CHAT_MEMBERS, found, "")
    messages = _messages(line, found, developer=False)
    if messages is not None:
        check_training(messages, found)
    _tools(line, messages or [], found, "")


def _reinforcement(line: Json, found: Found) -> None:
    messages = _messages(line, found, developer=True)
    if messages is not None:
        check_prompt(messages, found)
    _tools(line, messages or [], found, "")


def _messages(line: Json, found: Found, *, developer: bool) -> list[AnyMessage] | None:
    value = line.get("messages")
    if is_list(value):
        return salvage_messages(value, found, "messages", developer=developer)
    told = f"`messages` is {kind_of(value)}, not a list" if "messages" in line else "the line has no `messages`"
    found.append(Defect("missing_messages", "messages", told))
    return None


def _preference(line: Json, found: Found) -> None:
    _note_unknown(line, {"input", "preferred_output", "non_preferred_output", *_OLD_SIDES}, found, "")
    value = line.get("input")
    if not is_object(value) or not is_list(value.get("messages")):
        found.append(Defect("empty_input", "input", "the line has no `input` with `messages`"))
    else:
        _note_unknown(value, {"messages", "tools", "parallel_tool_calls"}, found, "input")
        messages = salvage_messages(value["messages"], found, "input.messages")
        judge_input(messages, found)
        _tools(value, messages, found, "input.")
    for old, new in _OLD_SIDES.items():
        if old in line and new not in line:
            found.append(Defect("unknown_field", old, f"`{old}` is the old name of `{new}`"))
        else:
            _side(line, found, new, "missing_preferred" if new == "preferred_output" else "missing_non_preferred")


def _side(line: Json, found: Found, path: str, missing: str) -> None:
    value = line.get(path)
    if not is_list(value):
        found.append(Defect(missing, path, f"`{path}` is {kind_of(value) if path in line else 'absent'}, not a list"))
        return
    messages: list[AnyMessage] = []
    for at, item in enumerate(value):
        role = item.get("role") if is_object(item) else None
        if isinstance(role, str) and role in ("system", "user", "tool", "function"):
            found.append(
                Defect("invalid_message", f"{path}[{at}].role", f"an answer has the role assistant, not {role}")
            )
            messages.append(Unreadable(role=role))
        else:
            messages.append(salvage_message(item, found, f"{path}[{at}]"))
    judge_side(messages, found, path, missing)


def _completion(line: Json, found: Found) -> None:
    _note_unknown(line, {"prompt", "completion"}, found, "")
    for name in ("prompt", "completion"):
        value = line.get(name)
        if not isinstance(value, str):
            told = kind_of(value) if name in line else "absent"
            found.append(Defect(f"missing_{name}", name, f"`{name}` is {told}, not a text"))
        elif name == "completion":
            judge_completion(value, found)
        else:
            judge_prompt(value, found)


def _tools(line: Json, messages: list[AnyMessage], found: Found, prefix: str) -> None:
    """Check `tools` and `functions` of a line or input, then the calls against what could be read of them."""
    if not messages and not line.keys() & _TOOL_MEMBERS:
        return
    tools = _declarations(line.get("tools"), Tool, found, f"{prefix}tools")
    functions = _declarations(line.get("functions"), Function, found, f"{prefix}functions")
    parallel = line.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        path = f"{prefix}parallel_tool_calls"
        found.append(
            Defect("invalid_tool_schema", path, f"`parallel_tool_calls` is {kind_of(parallel)}, not a boolean")
        )
    judge_tools(messages, tools, found, functions=functions, parallel=parallel, path=prefix)


def _declarations(value: Any, kind: type[Any], found: Found, path: str) -> Any:
    if value is None:
        return msgspec.UNSET
    if not is_list(value):
        found.append(Defect("invalid_tool_schema", path, f"`{path}` is {kind_of(value)}, not a list"))
        return [None]
    return [_declaration(item, kind, found, f"{path}[{at}]") for at, item in enumerate(value)]


def _declaration(value: Any, kind: type[Any], found: Found, path: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        found.append(Defect("invalid_tool_schema", path, _declaration_defect(value, kind)))
        return None


def _declaration_defect(value: Any, kind: type[Any]) -> str:
    if not is_object(value):
        return f"a declaration is an object, not {kind_of(value)}"
    if kind is Tool and value.get("type") != "function":
        return f"the tool's type is {shown(value.get('type'))}, not function"
    body = value.get("function") if kind is Tool else value
    if not is_object(body):
        return f"`function` is {kind_of(body)}, not an object"
    if not isinstance(body.get("name"), str):
        return "the function has no name"
    if not is_object(body.get("parameters", {})):
        return f"`parameters` is {kind_of(body['parameters'])}, not an object"
    extra = [
        *(sorted(value.keys() - {"type", "function"}) if kind is Tool else ()),
        *sorted(body.keys() - set(Function.__struct_fields__)),
    ]
    return f"a declaration has no member {shown(extra[0])}" if extra else "`description` or `strict` has the wrong type"


def _note_unknown(line: Json, known: set[str] | frozenset[str], found: Found, path: str) -> None:
    for key in sorted(line.keys() - known):
        found.append(Defect("unknown_field", member(path, key), f"the form has no member {shown(key)}"))


_JUDGES: dict[Form, Callable[[Json, Found], None]] = {
    "chat": _chat,
    "preference": _preference,
    "reinforcement": _reinforcement,
    "completion": _completion,
}
