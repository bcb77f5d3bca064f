"""What was added around a text: a greeting before a question, an offer of more help behind an answer."""

from collections.abc import Sequence
from itertools import pairwise

_MOST, _MOST_OF_ALL = 32, 1.5
"""How much may be added: a sign of a wide script counts one, another word two; and as a share of what was there."""

_LEAST, _LEAST_WIDE = 5, 10
_CHANGES_TEXT = (
    "not never without except cannot false instead but however unless only incorrect wrong don doesn isn aren won"
    " sometimes unfortunately"
)
_CHANGES = frozenset(_CHANGES_TEXT.split())
"""Words that make another thing of what stands beside them."""

_FRIENDLY = frozenset({"problem", "worries", "trouble"})
"""After these "no" is no denial."""

_COURTESY_TEXT = (
    "hi hello hey there good morning afternoon evening day greetings please kindly pls thanks thank you so much very"
    " many in advance for your help time any could can would will tell me i d we dear team sir madam sorry to bother"
    " quick a question have just want wanted know let hope this finds well is are all everyone support ok okay um and"
    " if may ask look at with quickly briefly simply explain again appreciate it wondering was"
)
_COURTESY = frozenset(_COURTESY_TEXT.split())
_BLANKS_AND_ENDS, _STRUCTURES = " \t\r\n.!?。！？", frozenset("{[<")
_BEFORE, _BEHIND = frozenset(("", *".!?:,;-—。！？、，：\n")), frozenset(("", *".!?。！？\n"))


def added(less: Sequence[str], more: Sequence[str]) -> Sequence[str] | None:
    """Return the words of a text that stand before and behind another, None where it does not hold it as a whole.

    A few words are held by too many texts to tell, and what is much longer is another text.
    """
    if len(less) < (_LEAST if less[:1] and less[0].isascii() else _LEAST_WIDE) or len(more) < len(less):
        return None
    whole, part = f" {' '.join(more)} ", f" {' '.join(less)} "
    at = whole.find(part)
    if at < 0:
        return None
    words = [*whole[:at].split(), *whole[at + len(part) :].split()]
    return words if len(words) <= _MOST_OF_ALL * len(less) else None


def says_nothing(words: Sequence[str]) -> bool:
    """Whether added words can be left out: they are few, and neither count nor deny anything."""
    if sum(1 + word.isascii() for word in words) > _MOST or any(any(map(str.isdigit, word)) for word in words):
        return False
    denies = any(word == "no" and after not in _FRIENDLY for word, after in pairwise([*words, ""]))
    return not denies and _CHANGES.isdisjoint(words)


def is_courtesy(words: Sequence[str]) -> bool:
    """Whether added words are nothing but a greeting, a request or thanks."""
    return _COURTESY.issuperset(words)


def stands_apart(one: str, other: str) -> bool:
    """Whether the shorter of two texts makes up whole sentences of the longer, of which it may be the end."""
    less, more = sorted((one.casefold(), other.casefold()), key=len)
    less = less.strip(_BLANKS_AND_ENDS)
    at = more.find(less)
    if at < 0 or less[:1] in _STRUCTURES:
        return False
    before, behind = more[:at].rstrip(), more[at + len(less) :].lstrip(" ")
    return before[-1:] in _BEFORE and behind[:1] in _BEHIND
