"""From one record to one line: which shape it has, which it is to have, and how it gets there."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from service.core.dataset.values import Json, is_list, is_object
from service.core.prepare.operations import Convert, Shape, Target
from service.core.prepare.records import (
    NotConvertible,
    Talk,
    conversation,
    messages_of,
    offered,
    shape_of,
    speech,
    text_of,
    turns,
    unpacked,
)
from service.core.prepare.template import MissingColumn, Template, fill

_PAIRS: tuple[Shape, ...] = ("preference", "chosen_rejected")


class UnknownShape(Exception):
    """The columns fit no shape that is known; a template is needed."""


def shape_for(operation: Convert, names: Sequence[str]) -> Shape | None:
    """Return the shape of records with these columns, None where a template takes them. Raises UnknownShape."""
    if operation.template is not None:
        return None
    if operation.source != "auto":
        return operation.source
    shape = shape_of(names)
    if shape is None:
        shown = ", ".join(f"{name[:40]!r}" for name in list(names)[:20])
        raise UnknownShape(
            f"the columns {shown or '(none)'} fit no known shape: give `from`, or a `template` over them"
        )
    return shape


def target_for(operation: Convert, shape: Shape | None) -> Target:
    """Return what records of a shape become where the operation does not say."""
    if operation.to is not None:
        return operation.to
    if operation.template is not None:
        return operation.template.target()
    return "preference" if shape in _PAIRS else "chat"


def converted(record: Json, operation: Convert, shape: Shape | None, target: Target) -> bytes:
    """Return the line of one record as JSON. Raises NotConvertible."""
    talk = _filled(record, operation.template) if operation.template else _talk(record, shape or "messages")
    if operation.system is not None and not (talk.messages and talk.messages[0].get("role") == "system"):
        talk.messages.insert(0, {"role": "system", "content": operation.system})
    try:
        return msgspec.json.encode(_WRITERS[target](talk))
    except (UnicodeEncodeError, OverflowError) as error:
        raise NotConvertible(
            "lone_surrogate", "a text holds half of a UTF-16 pair, or a number is too large"
        ) from error


def _talk(record: Json, shape: Shape) -> Talk:
    if shape == "preference":
        return _openai_pair(record)
    if shape == "chosen_rejected":
        return _trl_pair(record)
    return conversation(record, shape)


def _filled(record: Mapping[str, Any], template: Template) -> Talk:
    try:
        made = {
            name: fill(text, record)
            for name in ("system", "user", "assistant", "chosen", "rejected")
            if (text := getattr(template, name)) is not None
        }
    except MissingColumn as error:
        raise NotConvertible("missing_column", f"the record has no column {str(error)[:60]!r}") from error
    messages = [{"role": role, "content": made[role]} for role in ("system", "user", "assistant") if made.get(role)]
    if "chosen" not in made:
        return Talk(messages, {})
    return Talk(messages, {}, (_answer(made["chosen"]), _answer(made["rejected"])))


def _answer(text: str) -> Json:
    return {"role": "assistant", "content": text}


def _openai_pair(record: Json) -> Talk:
    given = record.get("input")
    if not is_object(given):
        raise NotConvertible("empty_input", "the line has no `input`")
    sides = [record.get(f"{side}_output", record.get(f"{side}_completion")) for side in ("preferred", "non_preferred")]
    return Talk(messages_of(given, "messages"), offered(given), (_one(sides[0]), _one(sides[1])))


def _trl_pair(record: Json) -> Talk:
    """Return a pair as TRL has it: with a prompt, or with one that both conversations begin with."""
    chosen, rejected = (_side(record, name) for name in ("chosen", "rejected"))
    if record.get("prompt") is not None:
        before = turns(record, "prompt", "user")
    elif record.get("conversations") is not None:
        before = [speech(each) for each in unpacked(record["conversations"])]
    elif record.get("instruction") is not None:
        given = text_of(record, "input", "")
        before = [{"role": "user", "content": "\n\n".join(filter(None, (text_of(record, "instruction"), given)))}]
    else:
        before, chosen, rejected = _shared(chosen, rejected)
    if system := text_of(record, "system", ""):
        before = [{"role": "system", "content": system}, *before]
    return Talk(before, offered(record), (_one(chosen), _one(rejected)))


def _side(record: Json, name: str) -> list[Json]:
    value = unpacked(record.get(name))
    if is_list(value):
        return [speech(each) for each in value]
    return [speech(value if is_object(value) else text_of(record, name), "assistant")]


def _shared(chosen: list[Json], rejected: list[Json]) -> tuple[list[Json], list[Json], list[Json]]:
    at = 0
    while at < min(len(chosen), len(rejected)) - 1 and chosen[at] == rejected[at]:
        at += 1
    if not at:
        raise NotConvertible("empty_input", "there is no `prompt`, and the two conversations begin differently")
    return chosen[:at], chosen[at:], rejected[at:]


def _one(messages: Any) -> Json:
    if not is_list(messages) or len(messages) != 1:
        raise NotConvertible("invalid_message", "a side of the preference is not exactly one answer")
    answer = speech(messages[0], "assistant")
    if answer.get("role") != "assistant":
        raise NotConvertible("invalid_message", "a side of the preference is no assistant message")
    return {key: item for key, item in answer.items() if key != "weight"}


def _to_chat(talk: Talk) -> Json:
    answer = [talk.sides[0]] if talk.sides else []
    return {"messages": [*talk.messages, *answer], **talk.extra}


def _to_preference(talk: Talk) -> Json:
    chosen, rejected = _pair(talk)
    given = {"messages": talk.messages, **talk.extra}
    return {"input": given, "preferred_output": [chosen], "non_preferred_output": [rejected]}


def _to_trl(talk: Talk) -> Json:
    chosen, rejected = _pair(talk)
    return {"prompt": talk.messages, "chosen": [chosen], "rejected": [rejected], **talk.extra}


def _pair(talk: Talk) -> tuple[Json, Json]:
    if talk.sides is None:
        raise NotConvertible("missing_preferred", "the record holds one answer, a preference needs two")
    return talk.sides


def _to_completion(talk: Talk) -> Json:
    messages = _to_chat(talk)["messages"]
    texts = [message.get("content") for message in messages]
    roles = [message.get("role") for message in messages]
    if talk.extra or roles not in (["user", "assistant"], ["system", "user", "assistant"]):
        raise NotConvertible("invalid_message", "only one question with one answer fits a prompt and a completion")
    if not all(isinstance(text, str) for text in texts):
        raise NotConvertible("invalid_content", "only texts fit a prompt and a completion")
    return {"prompt": "\n\n".join(texts[:-1]), "completion": texts[-1]}


_WRITERS = {
    "chat": _to_chat,
    "preference": _to_preference,
    "chosen_rejected": _to_trl,
    "completion": _to_completion,
}
