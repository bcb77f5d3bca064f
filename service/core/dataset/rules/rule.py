"""One rule of the texts: what it looks for, in whom, and by which bytes of a raw line it may be broken."""

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

from service.core.dataset.rules.written import JSON, UTF8, as_written

Within = Literal["all", "answers", "turns"]
Sign = Literal["address", "number"]
"""What is found in raw lines faster than by a pattern: an at sign between name and host, thirteen digits in a row."""


class TextRule(NamedTuple):
    """One pattern.

    A line can break the rule only where `hint`, a pattern of bytes, is found in it, or `sign`; a match begins in a text
    only where `begins` does in its UTF-8 bytes, if that is given. `within` limits the rule to answers that are learnt,
    or to all but system prompts. `confirm` has the last word on a match, given what matched and the whole text; `prose`
    leaves out code. No match lacks the text `needs`, nor begins more than `reach` characters before it where that is
    given. With `rare` the findings count only where few examples have them.
    Messages show what matched, by its first two characters alone where it is `hidden`. `stands_for` names what is found
    for the placeholder that takes its place in a redacted dataset.
    """

    code: str
    hint: str
    pattern: re.Pattern[str]
    message: str
    within: Within = "all"
    confirm: Callable[[str, str], bool] | None = None
    prose: bool = False
    hidden: bool = False
    rare: bool = False
    stands_for: str | None = None
    needs: str = ""
    reach: int | None = None
    sign: Sign | None = None
    begins: str | None = None


def rule(
    code: str,
    pattern: str,
    message: str,
    *,
    hint: str | None = None,
    like: str | None = None,
    ignore_case: bool = False,
    within: Within = "all",
    confirm: Callable[[str, str], bool] | None = None,
    prose: bool = False,
    hidden: bool = False,
    rare: bool = False,
    stands_for: str | None = None,
    needs: str = "",
    reach: int | None = None,
    sign: Sign | None = None,
) -> TextRule:
    """Return a rule whose hint, unless given, comes from the pattern itself; "" is none, for a sign is enough.

    `like` is the same pattern in words that a hint can be made of, where `pattern` is written to be quick.
    """
    source = pattern if like is None else like
    return TextRule(
        code=code,
        hint=as_written(source, JSON, ignore_case=ignore_case) if hint is None else hint,
        begins=as_written(source, UTF8, ignore_case=ignore_case) if hint is None else None,
        pattern=re.compile(pattern, re.IGNORECASE if ignore_case else 0),
        message=message,
        within=within,
        confirm=confirm,
        prose=prose,
        hidden=hidden,
        rare=rare,
        stands_for=stands_for,
        needs=needs,
        reach=reach,
        sign=sign,
    )
