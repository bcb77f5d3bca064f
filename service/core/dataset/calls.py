"""Rules of the calls that answers make, each of the right shape: how many at once, and how they are written."""

import re
from collections.abc import Container, Iterator, Sequence

from service.core.dataset.defects import Defect, Found, shown
from service.core.dataset.lines import AnyMessage, Assistant, FunctionCall

_NAME = r"([A-Za-z0-9_-]{1,64})"
_WRITTEN = re.compile(rf'"(?:name|function|tool|action|tool_name|function_name)"\s{{0,9}}:\s{{0,9}}"{_NAME}"')
_GIVEN = re.compile(r'"(?:arguments|parameters|args|input|action_input|tool_input|kwargs)"\s{0,9}:')
_SPOKEN = re.compile(rf"\s{{0,9}}(?:```\w{{0,20}}\s{{0,9}})?\[?(?:functions?\.)?{_NAME}\(")
_ACTED = re.compile(rf"(?m)^(?:Action|Tool|Function(?: call)?): ?{_NAME}[ \t]{{0,9}}$")
_BY_CHANCE = re.compile(r"(?i)rand|roll|dice|die|flip|coin|draw|pick|spin|shuffle|sample|generat|uuid|order|add")
"""Names of what is called again for another result, or for one more."""


def check_repeats(calls: Sequence[FunctionCall], found: Found, path: str) -> None:
    """Find a call that an answer makes twice, with the same arguments; where many do so it is meant."""
    seen: set[tuple[str, str]] = set()
    for at, call in enumerate(calls):
        made = (call.name, "".join(call.arguments.split()))
        if made in seen and _BY_CHANCE.search(call.name) is None:
            told = f"{shown(call.name)} is called twice with the same arguments"
            found.append(Defect("duplicate_tool_call", f"{path}[{at}]", told, rare=True))
        seen.add(made)


def check_parallel(messages: Sequence[AnyMessage], found: Found, path: str) -> None:
    """Find answers of several calls in an example that allows one at a time."""
    for at, message in enumerate(messages):
        calls = message.tool_calls if isinstance(message, Assistant) else None
        if calls and len(calls) > 1:
            told = f"{len(calls)} calls in one answer, where `parallel_tool_calls` is false"
            found.append(Defect("parallel_calls_disabled", f"{path}[{at}].tool_calls", told))


def check_written(messages: Sequence[AnyMessage], declared: Container[str], found: Found, path: str) -> None:
    """Find calls of declared tools that stand in the text of an answer which is learnt."""
    for at, message in enumerate(messages):
        if not isinstance(message, Assistant) or message.weight == 0 or not isinstance(message.content, str):
            continue
        name = next((each for each in _written_in(message.content) if each in declared), None)
        if name is not None:
            told = f"a call of {shown(name)} is written as text"
            found.append(Defect("call_in_text", f"{path}[{at}].content", told))


def _written_in(text: str) -> Iterator[str]:
    """Yield what may be the name of a tool that is called: in JSON, as a function or as an action."""
    if (spoken := _SPOKEN.match(text)) is not None and text.rstrip("\n ]`").endswith(")"):
        yield spoken[1]
    for match in _ACTED.finditer(text):
        yield match[1]
    if _GIVEN.search(text) is not None:
        for match in _WRITTEN.finditer(text):
            yield match[1]
