"""Answers of a letter or two that answer nothing."""

import re

_COMPLETE_TEXT = (
    "yes no true false none nil null n/a na right wrong left up down on off in out he she it we me us am is go do so ja"
    " nein oui non si sí sì да нет sim não tak nie hai"
)
_COMPLETE = frozenset(_COMPLETE_TEXT.split())
_STUBS = frozenset(("ok", "okay", "k", "the", "and", "idk", "lol", "hmm", "hm", "um", "uh", "huh", "meh", "tbd", "xxx"))
_WIDE_STUBS = frozenset(
    ("あ", "え", "う", "ん", "うん", "はあ", "ええ", "嗯", "哦", "啊", "呃", "嘿", "음", "어", "응")
)
_MARKS = " \t\r\n.!?…,;:'\"()[]*_-。！？、，「」（）"
_QUOTED = frozenset("'\"`「")
_SHORT, _SMILE = 2, re.compile(r"[:;=8]'?-?[()\[\]DPpOo/|]")


def is_stub(answer: str, question: str) -> bool:
    """Whether a short answer is neither a number, a word, a choice nor taken from the question."""
    bare = answer.strip(_MARKS)
    if not bare.isalpha() or not _QUOTED.isdisjoint(answer):
        return False
    if not bare.isascii():
        return bare in _WIDE_STUBS
    low = bare.casefold()
    if low in _STUBS:
        return True
    if len(bare) > _SHORT or low in _COMPLETE or (len(bare) == _SHORT and bare.isupper()):
        return False
    return re.search(rf"{bare}(?<![A-Za-z]{bare})(?![A-Za-z])", question) is None  # letters first: ten times as fast


def is_mere_sign(answer: str, question: str) -> bool:
    """Whether an answer has neither letter nor digit, and is no sign that the question speaks of."""
    if not answer or not answer.isascii() or any(map(str.isalnum, answer)):
        return False
    return answer.strip(".?! \t\r\n") == "" or (answer not in question and _SMILE.fullmatch(answer) is None)
