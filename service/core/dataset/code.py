"""Tells programs from prose."""

import re
from functools import lru_cache

_CODE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (sign, re.compile(pattern))
    for sign, pattern in {
        "`": "`",
        "{": r"(?m)\{\s*$",
        "=>": r"=> ?[{(]",
        'f"': r"f\"(?<!\wf\")",
        "\\": r"\\[a-z]+\*?[{(\[]",
        "{{": r"\{\{[#/]",
        "{%": r"\{%",
        "do echo": r"do echo\b(?<!\wdo echo)",
        "$": r"\$[A-Z_]{3,}\b",
        "console.log": r"console\.log(?<!\wconsole\.log)",
        "print": r"print(?<!\wprint)(?:f|ln)?\(",
        "return ": r"return (?<!\wreturn )[^\n]{0,200};",
        "f'": r"f'(?<!\wf')",
        "; ": r"; [ \t]*(?:do|then|done|fi)\b",
        ";": r"(?m);\s*$",
    }.items()
)
"""Signs of code, each with what it is part of: a text that lacks the sign need not be searched. Patterns begin with the
sign itself, and what must not stand before it comes behind: many times as fast."""

_BEGIN = (
    r"[ \t]*(?:c(?:lass|onst|url) |def |echo |f(?:rom \w+ import|unction )|import |let |p(?:rivate|ublic) |var |SELECT "
    r"|#include)"
)
_BEGINS, _LINE = re.compile(_BEGIN), re.compile(rf"\n(?:{_BEGIN}|[ \t]*(?:d(?:o|one)|fi|then)\b)")
"""How a line of code begins."""


@lru_cache(maxsize=4)
def is_code(text: str) -> bool:
    """Whether a text looks like a program; the rules of one text ask one after the other."""
    for sign, pattern in _CODE:
        if sign in text and pattern.search(text) is not None:
            return True
    return _BEGINS.match(text) is not None or _LINE.search(text) is not None
