"""Rules of a conversation whose messages have the right shape: order, answers, weights, names."""

import re
from collections.abc import Sequence

from msgspec import UNSET

from service.core.dataset.defects import Defect, Found, shown
from service.core.dataset.images import check_images
from service.core.dataset.lines import (
    AnyMessage,
    Assistant,
    Developer,
    PromptMessage,
    System,
    TextPart,
    Unreadable,
    User,
)
from service.core.dataset.values import is_list

LOOP_CHARACTERS = 40
_LONG = 400
_PROBE = 8
_NAME = re.compile(r"[^\s<|\\/>]{1,64}")


def check_training(messages: Sequence[AnyMessage], found: Found) -> None:
    """Rules of a supervised example: it has an answer at its end, and something of it is trained."""
    if not messages:
        found.append(Defect("empty_messages", "messages", "`messages` is empty"))
        return
    check_turns(messages, found, "messages")
    roles = [type(message) for message in messages]
    if Assistant not in roles:
        if not _hides_role(messages, "assistant"):
            found.append(Defect("no_assistant_message", "messages", "no message has the role assistant"))
        return
    if roles[-1] is not Assistant and not _hides_role(messages[-1:], "assistant"):
        path = f"messages[{len(messages) - 1}]"
        found.append(
            Defect("last_message_not_assistant", path, f"the last message has the role {role_of(messages[-1])}")
        )
    if not any(type(message) is Assistant and message.weight != 0 for message in messages) and not _hides_role(
        messages, "assistant"
    ):
        found.append(Defect("no_trained_message", "messages", "every assistant message has weight 0"))


def check_prompt(messages: Sequence[AnyMessage], found: Found) -> None:
    """Rules of a reinforcement example: it ends with what the model is to answer."""
    if not messages:
        found.append(Defect("empty_messages", "messages", "`messages` is empty"))
        return
    check_turns(messages, found, "messages")
    if type(messages[-1]) not in (User, Developer, Unreadable):
        path = f"messages[{len(messages) - 1}]"
        found.append(Defect("last_message_not_prompt", path, f"the last message has the role {role_of(messages[-1])}"))


def check_turns(messages: Sequence[AnyMessage], found: Found, path: str) -> None:
    """Rules of turns in any form: their order, their names, and that each says something."""
    before: type[AnyMessage] | None = None
    spoke = False
    opened = asked = misplaced = False
    for at, message in enumerate(messages):
        kind = type(message)
        if kind is System or kind is Developer:
            misplaced = misplaced or _late_system(opened, misplaced, f"{path}[{at}]", found)
            if kind is before:
                found.append(Defect("consecutive_roles", f"{path}[{at}]", f"two {role_of(message)} messages in a row"))
        else:
            opened = True
            asked = asked or kind is User or kind is Unreadable
            if kind is before and (kind is User or (kind is Assistant and not (spoke and _calls(message)))):
                found.append(Defect("consecutive_roles", f"{path}[{at}]", f"two {role_of(message)} messages in a row"))
        before, spoke = kind, kind is Assistant and not _calls(message)
        if not isinstance(message, Unreadable):
            _check_message(message, found, path, at)
    if not asked:
        found.append(Defect("no_user_message", path, "no message has the role user"))


def _calls(message: AnyMessage) -> bool:
    """Whether a message calls something, which an answer in words may announce."""
    return isinstance(message, Assistant) and bool(message.tool_calls or message.function_call)


def _late_system(opened: bool, reported: bool, path: str, found: Found) -> bool:
    if opened and not reported:
        found.append(Defect("system_not_first", path, "a system message stands after the conversation has begun"))
    return opened


def _check_message(message: PromptMessage, found: Found, path: str, at: int) -> None:
    content, name = message.content, message.name
    if not isinstance(content, str) or not content or content.isspace():
        _check_content(message, found, f"{path}[{at}]")
    elif type(message) is Assistant and len(content) >= LOOP_CHARACTERS and message.weight != 0 and loops(content):
        where = f"{path}[{at}].content"
        found.append(Defect("repetitive_completion", where, "the answer repeats its end over and over"))
    if name is not UNSET and isinstance(name, str) and not _NAME.fullmatch(name):
        found.append(Defect("invalid_name", f"{path}[{at}].name", f"{shown(name)} is not a valid name"))


def loops(text: str) -> bool:
    """Whether something with letters stands there four times in a row or more, and makes up most of the text.

    A refrain that comes back at least five times and makes up a third of a long text is a loop as well.
    """
    middle = len(text) // 2
    for at in (len(text) - _PROBE, middle):
        probe = text[at : at + _PROBE]
        if text.count(probe) > 2 and _repeats_around(text, at, probe):
            return True
    if len(text) < _LONG:
        return False
    end = text[-30:]
    return text.count(end) * 90 >= max(len(text), 450) and len(set(end)) > 2 and any(map(str.isalpha, end))


def _repeats_around(text: str, at: int, probe: str) -> bool:
    """Whether the text around `at` is one piece over and over; the piece ends where the probe comes next, or after."""
    before = at
    for _ in range(3):
        before = text.rfind(probe, 0, before + _PROBE - 1)
        if before < 0:
            return False
        size = at - before
        piece = text[before:at]
        start, end = before, at
        while text.startswith(piece, end):
            end += size
        while start >= size and text.startswith(piece, start - size):
            start -= size
        times, length = (end - start) // size, end - start
        long_enough = times >= 4 or (times == 3 and size >= 20)
        if long_enough and length * 2 >= len(text) and any(map(str.isalpha, piece)):
            return True
    return False


def _check_content(message: PromptMessage, found: Found, path: str) -> None:
    """Rules of content that is no plain text: absent, blank, or a list of parts."""
    content = message.content
    at = f"{path}.content"
    if is_list(content):
        if not content:
            found.append(Defect("invalid_content", at, "`content` is an empty list"))
        elif isinstance(message, Assistant) and not any(map(_says, content)):
            found.append(Defect("empty_completion", at, "the answer is empty"))
        check_images(content, found, at)
        return
    if not isinstance(message, Assistant):
        if content is not None:
            found.append(Defect("empty_content", at, f"the {role_of(message)} message is empty"))
        return
    if message.tool_calls or message.function_call or (message.refusal is not UNSET and message.refusal):
        return
    if content is None or content is UNSET:
        told = "null" if content is None else "absent"
        found.append(Defect("missing_content", at, f"`content` is {told} and nothing is called"))
    else:
        found.append(Defect("empty_completion", at, "the answer is empty"))


def _says(part: object) -> bool:
    return not isinstance(part, TextPart) or bool(part.text.strip())


def role_of(message: AnyMessage) -> str:
    """Return the role's name on the wire."""
    if isinstance(message, Unreadable):
        return message.role or "unknown"
    tag = message.__struct_config__.tag
    return str(tag)


def _hides_role(messages: Sequence[AnyMessage], role: str) -> bool:
    """Whether a message that could not be read may have had the role: then its absence is no finding of its own."""
    return any(type(message) is Unreadable and message.role in (role, None) for message in messages)
