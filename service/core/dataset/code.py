"""Tells programs from prose."""

import re
from functools import lru_cache

_CODE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (sign, re.compile(pattern))
    for sign, pattern in {
        "`": "`",
        "\\": r"\\[a-z]+\*?[{(\[]",
        "{{": r"\{\{[#/]",
        "{%": r"\{%",
        "do echo": r"\bdo echo\b",
        "$": r"\$[A-Z_]{3,}\b",
        "=>": r"=> ?[{(]",
        "console.log": r"\bconsole\.log",
        "print": r"\bprint(?:f|ln)?\(",
        "return ": r"\breturn [^\n]{0,200};",
        'f"': r"\bf\"",
        "f'": r"\bf'",
        " ": r"(?m)^[ \t]*(?:def |class |import |from \w+ import|function |const |let |var |public |private |SELECT "
        r"|curl |echo )",
        "#include": r"(?m)^[ \t]*#include",
        "\n": r"\n[ \t]*(?:do|then|done|fi)\b",
        "; ": r"; [ \t]*(?:do|then|done|fi)\b",
        ";": r"(?m);\s*$",
        "{": r"(?m)\{\s*$",
    }.items()
)
"""Signs of code, each with what it is part of: a text that lacks the sign need not be searched."""


@lru_cache(maxsize=4)
def is_code(text: str) -> bool:
    """Whether a text looks like a program; the rules of one text ask one after the other."""
    return any(sign in text and pattern.search(text) is not None for sign, pattern in _CODE)
