"""How a text's pattern looks in bytes: in those of a JSON line, where a character may be written as itself or escaped,
or in the text's own.

`as_written` turns a pattern for texts into one for bytes that matches wherever the former does, and perhaps elsewhere:
it only says which lines deserve a closer look, and where in a text. Both Python's `re` and RE2 read it. It ends at the
first gap of the pattern (`.{0,40}`): an automaton that had to keep in mind what came before a gap would grow without
bound. Every match of the pattern begins where one of the bytes' does, but for the quotation mark before a text.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

_ESCAPED_SIGNS = {"'": "27", "<": "3[cC]", ">": "3[eE]", "&": "26", "+": "2[bB]"}
_SPELT_OUT = 3
"""Repetitions that are asked for one by one; more of them would make an automaton large."""

_TOKEN = re.compile(
    r"(?P<look>\(\?<?[=!])|(?P<open>\((?:\?i?:)?)|(?P<close>\))|(?P<bar>\|)|(?P<negated>\[\^(?:\\.|[^\]\\])*\])"
    r"|(?P<set>\[(?:\\.|[^\]\\])*\])|(?P<escape>\\.)|(?P<times>\{\d*,?\d*\}\??|[*+?]\??)|(?P<dot>\.)|(?P<other>.)",
    re.DOTALL,
)


class Spelling(NamedTuple):
    """How bytes hold a text: any `one` character, the classes and assertions by their letters, a given character."""

    one: str
    classes: Mapping[str, str]
    character: Callable[[str], str]


def as_written(pattern: str, spelling: Spelling, *, ignore_case: bool = False) -> str:
    """Return the pattern of bytes for a pattern of texts, whose sets name single characters or ASCII ranges."""
    found = _Reader(pattern, spelling).choice()
    made = "|".join(found.ended + found.whole)
    return f"(?i:{made})" if ignore_case else made


class _Found(NamedTuple):
    """The alternatives of a choice: those that end at a gap, and those that were read whole."""

    ended: list[str]
    whole: list[str]


class _Reader:
    """Reads a pattern by recursive descent."""

    def __init__(self, pattern: str, spelling: Spelling) -> None:
        self._spelling = spelling
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
                atom = _atom(kind, text, self._spelling)
            least, times = self._times()
            if over or kind == "look":
                continue
            ended += [made + each for each in inner.ended]
            if kind in ("dot", "negated") and times not in ("", "?"):
                ended.append(made)
                over = True
            elif kind == "open" and not inner.whole:
                over = times not in ("?", "*")
            elif atom:
                made += atom * least + times
        return _Found(ended, [] if over else [made])

    def _times(self) -> tuple[int, str]:
        """Read how often: once and more times, or with how many more. Upper bounds are left out: they would make an
        automaton large, and they count characters."""
        if self._kind() != "times":
            return 1, ""
        text = self._tokens[self._at][1]
        self._at += 1
        if text[0] != "{":
            return 1, text[0]
        least, comma, _ = text.strip("{}?").partition(",")
        if not int(least or 0):
            return 1, "*"
        spelt = min(int(least), _SPELT_OUT)
        return spelt, "" if spelt == int(least) and not comma else "+"


def _atom(kind: str, text: str, spelling: Spelling) -> str:
    if kind in ("negated", "dot"):
        return spelling.one
    if kind == "set":
        return _set(text[1:-1], spelling)
    if kind == "escape":
        if text[1] in spelling.classes:
            return spelling.classes[text[1]]
        return spelling.character(text[1]) if text[1] in '"/' or text[1] in _ESCAPED_SIGNS else text
    return spelling.character(text)


def _set(inside: str, spelling: Spelling) -> str:
    """Return a set as a choice; escapes of one byte and ASCII ranges stay a set."""
    plain: list[str] = []
    choices: list[str] = []
    for each in re.findall(r"\\.|.-.|.", inside, re.DOTALL):
        sign = each[1] if each[0] == "\\" else each
        if each[0] == "\\" and sign in spelling.classes:
            choices.append(spelling.classes[sign])
        elif each.isascii() and sign not in _ESCAPED_SIGNS and sign not in '"/':
            plain.append(each)
        else:
            choices.append(spelling.character(sign))
    if plain:
        choices.insert(0, f"[{''.join(plain)}]")
    return f"(?:{'|'.join(choices)})"


def _in_json(text: str) -> str:
    """Return the ways in which JSON writes one character."""
    if text in _ESCAPED_SIGNS:
        return rf"(?:{re.escape(text)}|\\u00{_ESCAPED_SIGNS[text]})"
    if text == "/":
        return r"\\?/"
    if text == '"':
        return r'\\"'
    if text.isascii():
        return text
    return f"(?:{_in_bytes(text)}|{'|'.join(map(_escaped, _cases(text)))})"


def _escaped(text: str) -> str:
    units = text.encode("utf-16-be").hex()
    return "".join(rf"\\u(?i:{units[at : at + 4]})" for at in range(0, len(units), 4))


def _cases(text: str) -> list[str]:
    """Return a character in small letters and in capitals, for patterns of bytes that know no case beyond ASCII."""
    return sorted({each for each in (text, text.lower(), text.upper()) if len(each) == 1})


def _in_bytes(text: str) -> str:
    if text.isascii():
        return re.escape(text) if text in _ESCAPED_SIGNS else text
    octets = ("".join(rf"\x{byte:02x}" for byte in each.encode()) for each in _cases(text))
    return f"(?:{'|'.join(octets)})"


_ANY = r'(?:[^"\\]|\\.)'
JSON = Spelling(
    _ANY,
    {
        "s": r"(?:\s|\\[nrt])",
        "S": _ANY,
        "w": r"(?:\w|[\xc2-\xf4][\x80-\xbf]+|\\u[0-9a-fA-F]{4})",
        "W": r"(?:\W[\x80-\xbf]*|\\[nrt]|\\u[0-9a-fA-F]{4})",
        "d": "[0-9]",
        "n": r"(?:\\n)",
        "t": r"(?:\\t)",
        "A": '"',
        "Z": '"',
        "b": "",
    },
    _in_json,
)
"""A line of JSON; texts begin and end with a quotation mark."""

_BYTE = r"(?:[\x00-\x7f]|[\xc2-\xf4][\x80-\xbf]+)"
UTF8 = Spelling(
    _BYTE,
    {
        "s": r"\s",
        "S": _BYTE,
        "w": r"(?:\w|[\xc2-\xf4][\x80-\xbf]+)",
        "W": r"(?:\W[\x80-\xbf]*)",
        "d": "[0-9]",
        "n": r"\n",
        "t": r"\t",
        "A": r"\A",
        "Z": "",
        "b": "",
    },
    _in_bytes,
)
"""The text itself."""
