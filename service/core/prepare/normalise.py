"""One form for texts: Unicode, line ends, invisible characters, blanks."""

import re
import unicodedata

from service.core.dataset.rules import RULES
from service.core.prepare.operations import Normalise

_INVISIBLE = next(rule.compiled for rule in RULES if rule.code == "invisible_characters")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_LINE_END = re.compile("\r\n?|\x85|\u2028|\u2029")
_BLANKS_AT_END = re.compile(r"(?<![ \t])[ \t]++(?=\n)")
_ODD_BLANK = re.compile("[\u00a0\u2000-\u200a\u202f\u205f]")
_LONG_RUN = re.compile(r"(\s)\s{999,}")
_TURNS = frozenset({"content", "text", "refusal"})
_TEXTS = _TURNS | {"prompt", "completion", "arguments"}


def normalised(operation: Normalise, name: str, text: str) -> str:
    """Return the text of member `name` in its normal form.

    Only what is said is changed, not names or an item's own members. Prompts and completions keep the blanks at their
    ends, which separate the two, and arguments of calls keep all of their blanks.
    """
    if name not in _TEXTS:
        return text
    new = text
    if operation.invisible:
        new = _CONTROL.sub("", _INVISIBLE.sub("", new))
    if operation.unicode != "none" and not new.isascii():
        new = unicodedata.normalize(operation.unicode, new)
    if name == "arguments":
        return text if new == text else new
    if operation.line_ends:
        new = _LINE_END.sub("\n", new)
    if operation.whitespace:
        new = _LONG_RUN.sub(r"\1", _BLANKS_AT_END.sub("", _ODD_BLANK.sub(" ", new)))
        if name in _TURNS:
            new = new.strip()
    return text if new == text else new
