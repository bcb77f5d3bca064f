"""The way most chat lines go, made short: an optional system message, then user and assistant in turn, a text each.

What it takes in, it takes in exactly as the long way through `SplitCheck` would, which takes what is left.
"""

from functools import lru_cache
from typing import NamedTuple

import msgspec

from service.check.reader import Block
from service.check.scan import Scan, places
from service.check.work import Work
from service.core.dataset.conversation import LOOP_CHARACTERS, loops
from service.core.dataset.defects import Found
from service.core.dataset.forms import DECODERS
from service.core.dataset.lines import Assistant, PromptMessage, System, User
from service.core.dataset.rules import SPACED_KEY
from service.core.dataset.spans import PER_EXAMPLE, PER_MESSAGE
from service.core.dataset.texts import BLANKS, check_texts

Kinds = tuple[type[PromptMessage], ...]
NOT_READ = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_FOLLOWERS: dict[type[PromptMessage] | None, tuple[type[PromptMessage], ...]] = {
    None: (System, User),
    System: (User,),
    User: (Assistant,),
    Assistant: (User,),
}


class _Shape(NamedTuple):
    """What all conversations with the same roles have in common: the tokens before each text, and what is learnt."""

    leads: tuple[int, ...]
    trained: tuple[bool, ...]
    answers: slice
    instructed: bool


def take_plain(block: Block, scan: Scan, found: dict[int, Found], work: Work) -> list[int]:
    """Take in the lines that break no rule but those of the texts; return the indexes of the others.

    What their texts break goes to `found`, by index. A conversation of n messages that has 1 + 2n members, and whose
    messages have a role and a text each, has nothing else.
    """
    decode, first, members, suspects = DECODERS["chat"].decode, block.first, scan.members, scan.suspects
    (all_texts, all_leads, all_trained), keys = work.spans.columns, work.keys
    left: list[int] = []
    for at, raw in enumerate(block.lines):
        if not raw or len(raw) >= BLANKS:
            left.append(at)
            continue
        try:
            line = decode(raw)
        except NOT_READ:
            left.append(at)
            continue
        messages = line.messages
        kinds = tuple([message.__class__ for message in messages])
        texts = [message.content for message in messages]
        shape = _shape_of(kinds)
        if shape is None or members[at] != 1 + 2 * len(kinds) or not _clean(texts, texts[shape.answers]):
            left.append(at)
            continue
        if at in suspects:
            if SPACED_KEY in suspects[at]:
                left.append(at)
                continue
            check_texts(line, suspects[at], found.setdefault(at, []), places)
        answer = texts[-1]
        all_texts += texts
        all_leads += shape.leads
        all_trained += shape.trained
        work.ends.append(len(all_texts))
        work.lines.append(first + at)
        work.befores.append(hash(tuple(texts[:-2])))
        work.systems.append(texts[0] if shape.instructed else "")
        work.questions.append(texts[-2])
        work.answers.append(answer)
        keys.contexts.append(hash((kinds[:-1], *texts[:-1])))
        keys.targets.append(hash(answer))
    keys.lines.extend(work.lines)
    return left


def _clean(texts: list[str], answers: list[str]) -> bool:
    """Whether all are texts that say something, and no answer loops."""
    try:
        if not all(texts) or any(map(str.isspace, texts)):
            return False
    except TypeError:  # content of another kind than text
        return False
    return not any(len(answer) >= LOOP_CHARACTERS and loops(answer) for answer in answers)


@lru_cache(maxsize=1024)
def _shape_of(kinds: Kinds) -> _Shape | None:
    before: type[PromptMessage] | None = None
    for kind in kinds:
        if kind not in _FOLLOWERS[before]:
            return None
        before = kind
    if before is not Assistant:
        return None
    leads = (PER_EXAMPLE + PER_MESSAGE, *[PER_MESSAGE] * (len(kinds) - 1))
    instructed = kinds[0] is System
    return _Shape(leads, tuple(kind is Assistant for kind in kinds), slice(1 + instructed, None, 2), instructed)
