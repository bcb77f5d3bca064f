"""One rule of the texts: what it looks for, and in whom."""

import re
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Literal

Within = Literal["all", "answers", "turns"]


@dataclass(frozen=True, eq=False)
class TextRule:
    """One pattern of texts. Each rule is equal to itself alone.

    Automata look for all rules at once by what is made of their patterns (service/check/patterns.py): of `hint` where
    one is given, which is found in every text that breaks the rule; else of `like`, the same pattern in words that it
    can be made of, where `pattern` is written to be quick.

    `within` limits the rule to answers that are learnt, or to all but system prompts. `confirm` has the last word on a
    match, given what matched and the whole text; `prose` leaves out code. No match lacks the text `needs`, nor begins
    more than `reach` characters before it where that is given. With `rare` the findings count only where few examples
    have them. Messages show what matched, by its first two characters alone where it is `hidden`. `stands_for` names
    what is found for the placeholder that takes its place in a redacted dataset.
    """

    code: str
    pattern: str
    message: str
    _: KW_ONLY
    hint: str | None = None
    like: str | None = None
    ignore_case: bool = False
    within: Within = "all"
    confirm: Callable[[str, str], bool] | None = None
    prose: bool = False
    hidden: bool = False
    rare: bool = False
    stands_for: str | None = None
    needs: str = ""
    reach: int | None = None

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern, ready to search texts."""
        return re.compile(self.pattern, re.IGNORECASE if self.ignore_case else 0)
