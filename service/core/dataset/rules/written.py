"""How a text's pattern looks in the bytes of a JSON line, where a character may be written as itself or escaped.

`as_written` turns a pattern for texts into one for raw lines that matches wherever the former does, and perhaps
elsewhere: it only says which lines deserve a closer look. Both Python's `re` and RE2 read it.
"""

import re
from typing import NamedTuple

_ESCAPED_SIGNS = {"'": "27", "<": "3[cC]", ">": "3[eE]", "&": "26", "+": "2[bB]"}
_ONE = r'(?:[^"\\]|\\.)'
_CLASSES = {
    "s": r"(?:\s|\\[nrt])",
    "S": _ONE,
    "w": r"(?:\w|[\x80-\xff]|\\u[0-9a-fA-F]{4})",
    "W": r"(?:\W|\\[nrt])",
    "d": "[0-9]",
    "n": r"\\n",
    "t": r"\\t",
    "A": '"',
    "Z": '"',
    "b": "",
}
_TOKEN = re.compile(
    r"(?P<look>\(\?<?[=!])|(?P<open>\((?:\?i?:)?)|(?P<negated>\[\^(?:\\.|[^\]\\])*\])|(?P<set>\[(?:\\.|[^\]\\])*\])"
    r"|(?P<escape>\\.)|(?P<times>\{\d*,?\d*\}\??|[*+?]\??)|(?P<dot>\.)|(?P<other>.)",
    re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str


def as_written(pattern: str, *, ignore_case: bool = False) -> str:
    """Return the pattern of raw lines for a pattern of texts, whose sets name single characters or ASCII ranges."""
    out: list[str] = []
    tokens = [_Token(each.lastgroup or "", each[0]) for each in _TOKEN.finditer(pattern)]
    at = 0
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token.kind == "look":
            at = _after_group(tokens, at)
        else:
            out.append(_rewritten(token))
    return f"(?i:{''.join(out)})" if ignore_case else "".join(out)


def _after_group(tokens: list[_Token], at: int) -> int:
    """Return where the group ends whose inside begins at `at`."""
    depth = 1
    while depth:
        kind, text = tokens[at]
        depth += (kind in ("open", "look")) - (kind == "other" and text == ")")
        at += 1
    return at


def _rewritten(token: _Token) -> str:
    kind, text = token
    if kind == "open":
        return "(?i:" if text == "(?i:" else "(?:"
    if kind in ("negated", "dot"):
        return _ONE
    if kind == "set":
        return _set(text[1:-1])
    if kind == "escape":
        return _CLASSES.get(text[1], text)
    if kind == "times":
        return _times(text)
    return text if text in "()|" else character(text)


def _times(text: str) -> str:
    """Drop upper bounds: they would make an automaton large, and lower ones count characters, not bytes."""
    if text[0] != "{":
        return text[0]
    return "*" if text.startswith(("{0,", "{,")) else "+"


def _set(inside: str) -> str:
    """Return a set as a choice; escapes of one byte and ASCII ranges stay a set."""
    plain: list[str] = []
    choices: list[str] = []
    for each in re.findall(r"\\.|.-.|.", inside, re.DOTALL):
        if each[0] == "\\" and each[1] in _CLASSES:
            choices.append(_CLASSES[each[1]])
        elif each.isascii() and each not in _ESCAPED_SIGNS and each not in '"/':
            plain.append(each)
        else:
            choices.append(character(each))
    if plain:
        choices.insert(0, f"[{''.join(plain)}]")
    return f"(?:{'|'.join(choices)})"


def character(text: str) -> str:
    """Return the ways in which JSON writes one character."""
    if text in _ESCAPED_SIGNS:
        return rf"(?:{re.escape(text)}|\\u00{_ESCAPED_SIGNS[text]})"
    if text == "/":
        return r"\\?/"
    if text == '"':
        return r'\\"'
    if text.isascii():
        return text
    units = text.encode("utf-16-be").hex()
    escaped = "".join(rf"\\u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))
    plain = "".join(rf"\x{byte:02x}" for byte in text.encode())
    return f"(?:{plain}|{escaped})"
