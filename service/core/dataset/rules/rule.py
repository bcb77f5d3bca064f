"""One rule of the texts: what it looks for, in whom, and by which bytes of a raw line it may be broken."""

import re
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Literal

from service.core.dataset.rules.written import JSON, UTF8, as_written

Within = Literal["all", "answers", "turns"]
Sign = Literal["address", "number"]
"""What is found in raw lines faster than by a pattern: an at sign between name and host, thirteen digits in a row."""


@dataclass(frozen=True, eq=False)
class TextRule:
    """One pattern of texts. Each rule is equal to itself alone.

    A line can break it only where `in_line`, a pattern of bytes, is found in it, or `sign`; that pattern comes from the
    rule's own unless a `hint` is given ("" is none, for a sign is enough). `like` is the same pattern in words that it
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
    sign: Sign | None = None

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern, ready to search texts."""
        return re.compile(self.pattern, re.IGNORECASE if self.ignore_case else 0)

    @cached_property
    def in_line(self) -> str:
        """What is found in every line of JSON that breaks the rule, but for those that have its sign."""
        return as_written(self._words, JSON, ignore_case=self.ignore_case) if self.hint is None else self.hint

    @cached_property
    def in_text(self) -> str | None:
        """What is found in a text's UTF-8 bytes wherever a match begins; None where that is not known."""
        return as_written(self._words, UTF8, ignore_case=self.ignore_case) if self.hint is None else None

    @property
    def _words(self) -> str:
        return self.pattern if self.like is None else self.like
