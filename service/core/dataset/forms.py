"""The four line forms: telling them apart, reading a line of one, and judging it by its rules."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from service.core.dataset.calls import check_parallel, check_written
from service.core.dataset.conversation import LOOP_CHARACTERS, check_prompt, check_training, check_turns, loops
from service.core.dataset.defects import Defect, Found
from service.core.dataset.images import check_image_count
from service.core.dataset.lines import (
    CHAT_MEMBERS,
    AnyMessage,
    Assistant,
    ChatLine,
    CompletionLine,
    FunctionResult,
    Line,
    PreferenceLine,
    ReinforcementLine,
    ToolResult,
    User,
)
from service.core.dataset.tools import check_calls, check_functions, check_tools
from service.core.dataset.values import Json, is_list, is_object

Form = Literal["chat", "preference", "reinforcement", "completion"]

DECODERS: dict[Form, msgspec.json.Decoder[Any]] = {
    "chat": msgspec.json.Decoder(ChatLine),
    "preference": msgspec.json.Decoder(PreferenceLine),
    "reinforcement": msgspec.json.Decoder(ReinforcementLine),
    "completion": msgspec.json.Decoder(CompletionLine),
}
_PREFERENCE = frozenset(
    {"preferred_output", "non_preferred_output", "preferred_completion", "non_preferred_completion"}
)
_REJECTED = "non_preferred_output"
_EXPECTED: dict[str, Form] = {"supervised": "chat", "dpo": "preference", "reinforcement": "reinforcement"}


def form_of(line: Json) -> Form | None:
    """Return the form that a line's members speak for; chat and reinforcement lines both answer `chat`."""
    if "messages" in line:
        return "chat"
    if line.keys() & _PREFERENCE or is_object(line.get("input")):
        return "preference"
    return "completion" if "prompt" in line or "completion" in line else None


def form_of_file(lines: Sequence[Json], method: str) -> Form:
    """Return the form that most of the first lines have, or the method's own where they say nothing."""
    votes: dict[Form, int] = {}
    for line in lines:
        if (form := form_of(line)) is not None:
            votes[form] = votes.get(form, 0) + 1
    expected = _EXPECTED.get(method, "chat")
    if not votes:
        return expected
    voted = "chat" if expected == "reinforcement" else expected
    winner = max(votes, key=lambda form: (votes[form], form == voted))
    if winner != "chat":
        return winner
    prompts = sum(_is_prompt(line, method) for line in lines if "messages" in line)
    return "reinforcement" if prompts * 2 > votes["chat"] else "chat"


def _is_prompt(line: Json, method: str) -> bool:
    """Whether a line ends with a question and, unless the method expects that, has what only reinforcement takes."""
    messages = line["messages"]
    last = messages[-1] if is_list(messages) and messages else None
    asks = is_object(last) and last.get("role") in ("user", "developer")
    return asks and (
        method == "reinforcement"
        or bool(line.keys() - CHAT_MEMBERS)
        or any(is_object(message) and message.get("role") == "developer" for message in messages)
    )


def judge(line: Line, found: Found) -> None:
    """Add every defect of a line that has the right shape."""
    if isinstance(line, ChatLine):
        check_training(line.messages, found)
        _check_chat_tools(line, found)
    elif isinstance(line, PreferenceLine):
        _judge_preference(line, found)
    elif isinstance(line, ReinforcementLine):
        check_prompt(line.messages, found)
        judge_tools(line.messages, line.tools, found, parallel=line.parallel_tool_calls)
        check_image_count([message.content for message in line.messages], found)
    else:
        judge_prompt(line.prompt, found)
        judge_completion(line.completion, found)


def _check_chat_tools(line: ChatLine, found: Found) -> None:
    """Look at tools and images only where some message has what the plain case lacks."""
    messages = line.messages
    if line.tools is not UNSET or line.functions is not UNSET or _speaks_of_tools(messages):
        judge_tools(messages, line.tools, found, functions=line.functions, parallel=line.parallel_tool_calls)
    if any(message.content.__class__ is list for message in messages):
        check_image_count([message.content for message in messages], found)


def _speaks_of_tools(messages: Sequence[AnyMessage]) -> bool:
    """Whether some message calls, or brings a result."""
    for message in messages:
        kind = type(message)
        if kind is Assistant:
            if message.tool_calls or message.function_call or message.tool_calls == []:  # pyright: ignore
                return True
        elif kind is ToolResult or kind is FunctionResult:
            return True
    return False


def judge_tools(
    messages: Sequence[AnyMessage],
    tools: Any,
    found: Found,
    *,
    functions: Any = UNSET,
    parallel: Any = UNSET,
    path: str = "",
    preferred: Sequence[AnyMessage] = (),
) -> None:
    """Check declarations, calls and results; a None among the tools or functions could not be read.

    `preferred` is that side of a preference. What the other side calls may be wrong on purpose.
    """
    declared = check_tools(tools, found, f"{path}tools") | check_functions(functions, found)
    whole = not any(None in listed for listed in (tools, functions) if is_list(listed))
    for where, said in ((f"{path}messages", messages), ("preferred_output", preferred)):
        if not said:
            continue
        check_calls(said, declared, found, where, whole=whole)
        if parallel is False:
            check_parallel(said, found, where)
        if declared:
            check_written(said, declared, found, where)


def _judge_preference(line: PreferenceLine, found: Found) -> None:
    asked, tools = line.input.messages, line.input.tools
    judge_input(asked, found)
    if tools or _speaks_of_tools(asked) or _speaks_of_tools(line.preferred_output):
        judge_tools(
            asked,
            tools,
            found,
            parallel=line.input.parallel_tool_calls,
            path="input.",
            preferred=line.preferred_output,
        )
    judge_side(line.preferred_output, found, "preferred_output", "missing_preferred")
    judge_side(line.non_preferred_output, found, "non_preferred_output", "missing_non_preferred")
    if line.input.messages and type(line.input.messages[-1]) is Assistant:
        found.append(Defect("consecutive_roles", "preferred_output", "the input ends with an answer already"))
    if line.preferred_output and _say_the_same(line.preferred_output, line.non_preferred_output):
        found.append(Defect("identical_preference", "non_preferred_output", "both sides hold the same answer"))


def _say_the_same(side: Sequence[Assistant], other: Sequence[Assistant]) -> bool:
    """Whether two sides come to the same, whatever their blanks and capitals."""
    return list(map(_start, side)) == list(map(_start, other)) and _said(side) == _said(other)


def _start(answer: Assistant) -> str | None:
    """Return how a text starts, whatever its blanks and capitals."""
    return answer.content.lstrip()[:1].casefold()[:1] if isinstance(answer.content, str) else None


def _said(side: Sequence[Assistant]) -> list[Any]:
    """Return what a side comes to, whatever its blanks and capitals."""
    return [
        msgspec.structs.replace(each, content=" ".join(each.content.casefold().split()))
        if isinstance(each.content, str)
        else each
        for each in side
    ]


def judge_input(messages: Sequence[AnyMessage], found: Found) -> None:
    """Rules of a preference line's conversation: it is text, and it is there."""
    if not messages:
        found.append(Defect("empty_input", "input.messages", "the input has no messages"))
        return
    check_turns(messages, found, "input.messages")
    for at, message in enumerate(messages):
        content = message.content if isinstance(message, User) else None
        if is_list(content) and any(part.__class__.__name__ == "ImagePart" for part in content):
            path = f"input.messages[{at}].content"
            found.append(Defect("image_invalid", path, "preference lines hold text only"))


def judge_side(messages: Sequence[AnyMessage], found: Found, path: str, missing: str) -> None:
    """Rules of one side of a preference: exactly one answer that says something."""
    if not messages:
        found.append(Defect(missing, path, f"`{path}` is empty"))
        return
    if len(messages) > 1:
        found.append(Defect("invalid_message", path, f"`{path}` holds {len(messages)} messages, one answer is taken"))
    side: Found = []
    check_turns(messages, side, path)
    unheard = {"no_user_message", "consecutive_roles"}
    if path == _REJECTED:
        unheard.add("repetitive_completion")
    found.extend(defect for defect in side if defect.code not in unheard)


def judge_prompt(prompt: str, found: Found) -> None:
    """Rules of the prompt of a prompt/completion line."""
    if not prompt or prompt.isspace():
        found.append(Defect("empty_content", "prompt", "the prompt is empty"))


def judge_completion(completion: str, found: Found) -> None:
    """Rules of a prompt/completion line."""
    if not completion or completion.isspace():
        found.append(Defect("empty_completion", "completion", "the completion is empty"))
    elif len(completion) >= LOOP_CHARACTERS and loops(completion):
        found.append(Defect("repetitive_completion", "completion", "the completion repeats its end over and over"))
