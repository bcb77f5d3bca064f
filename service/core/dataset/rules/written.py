"""How a text's pattern looks in the bytes of a JSON line, where a character may be written as itself or escaped.

`as_written` turns a pattern for texts into one for raw lines that matches wherever the former does, and perhaps
elsewhere: it only says which lines deserve a closer look. Both Python's `re` and RE2 read it. It ends at the first gap
of the pattern (`.{0,40}`): an automaton that had to keep in mind what came before a gap would grow without bound.
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
    r"(?P<look>\(\?<?[=!])|(?P<open>\((?:\?i?:)?)|(?P<close>\))|(?P<bar>\|)|(?P<negated>\[\^(?:\\.|[^\]\\])*\])"
    r"|(?P<set>\[(?:\\.|[^\]\\])*\])|(?P<escape>\\.)|(?P<times>\{\d*,?\d*\}\??|[*+?]\??)|(?P<dot>\.)|(?P<other>.)",
    re.DOTALL,
)


def as_written(pattern: str, *, ignore_case: bool = False) -> str:
    """Return the pattern of raw lines for a pattern of texts, whose sets name single characters or ASCII ranges."""
    found = _Reader(pattern).choice()
    made = "|".join(found.ended + found.whole)
    return f"(?i:{made})" if ignore_case else made


class _Found(NamedTuple):
    """The alternatives of a choice: those that end at a gap, and those that were read whole."""

    ended: list[str]
    whole: list[str]


class _Reader:
    """Reads a pattern by recursive descent."""

    def __init__(self, pattern: str) -> None:
        self._tokens = [(each.lastgroup or "", each[0]) for each in _TOKEN.finditer(pattern)]
        self._at = 0

    def choice(self) -> _Found:
        """Read alternatives up to the closing bracket or the end."""
        ended: list[str] = []
        whole: list[str] = []
        while True:
            found = self._sequence()
            ended += found.ended
            whole += found.whole
            if self._kind() != "bar":
                return _Found(ended, whole)
            self._at += 1

    def _kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else "end"

    def _sequence(self) -> _Found:
        """Read one alternative. It has several ends where a group in it has a gap in one of its own alternatives."""
        made, ended, over = "", list[str](), False
        while (kind := self._kind()) not in ("bar", "close", "end"):
            text = self._tokens[self._at][1]
            self._at += 1
            inner = _Found([], [])
            if kind in ("look", "open"):
                inner = self.choice()
                self._at += 1
                atom = "" if kind == "look" else f"{'(?i:' if text == '(?i:' else '(?:'}{'|'.join(inner.whole)})"
            else:
                atom = _atom(kind, text)
            times = self._times()
            if over or kind == "look":
                continue
            ended += [made + each for each in inner.ended]
            if kind in ("dot", "negated") and times not in ("", "?"):
                ended.append(made)
                over = True
            elif kind == "open" and not inner.whole:
                over = times not in ("?", "*")
            elif atom:
                made += atom + times
        return _Found(ended, [] if over else [made])

    def _times(self) -> str:
        """Read how often, without upper bounds: they would make an automaton large, and they count characters."""
        if self._kind() != "times":
            return ""
        text = self._tokens[self._at][1]
        self._at += 1
        if text[0] != "{":
            return text[0]
        return "*" if text.startswith(("{0,", "{,")) else "+"


def _atom(kind: str, text: str) -> str:
    if kind in ("negated", "dot"):
        return _ONE
    if kind == "set":
        return _set(text[1:-1])
    if kind == "escape":
        if text[1] in _CLASSES:
            return _CLASSES[text[1]]
        return character(text[1]) if text[1] in '"/' or text[1] in _ESCAPED_SIGNS else text
    return character(text)


def _set(inside: str) -> str:
    """Return a set as a choice; escapes of one byte and ASCII ranges stay a set."""
    plain: list[str] = []
    choices: list[str] = []
    for each in re.findall(r"\\.|.-.|.", inside, re.DOTALL):
        sign = each[1] if each[0] == "\\" else each
        if each[0] == "\\" and sign in _CLASSES:
            choices.append(_CLASSES[sign])
        elif each.isascii() and sign not in _ESCAPED_SIGNS and sign not in '"/':
            plain.append(each)
        else:
            choices.append(character(sign))
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
