"""How an answer ends: whether it stops in mid-sentence, in a table, or where it announces more."""

import re
from typing import Literal

CLOSED = frozenset(".!?…\"'”’»)]}>`*_~=/\\%$。！？」』）】♪")
"""Marks that close an answer, whatever stands before them."""

_END, _QUESTION, _LAST_LINE_WORDS, _LEAST_WORDS = 400, 20_000, 3, 8
_VERSES, _KEYWORDS, _KEYWORD_WORDS, _ITEM_WORDS, _ITEM_SIGNS = 4, 4, 3, 5, 12
_STRUCTURE = frozenset('{["(:')
_OPEN = frozenset(",(-、，")
_ANNOUNCING, _LEAST_ANNOUNCED, _LEAST_WIDE = frozenset(":："), 3, 8
_NEVER_LAST = frozenset(
    ("and", "or", "the", "a", "an", "because", "but", "your", "their", "its", "than", "which", "of", "to", "with",
     "und", "oder", "der", "das", "et", "ou", "le", "les", "el", "los", "que")
)  # fmt: skip
_UNMARKED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Scripts whose sentences end without a mark: Thai, Lao, Burmese, Khmer."""

_NO_PROSE = frozenset("0123456789/\\@._=#<>＃")
_CODE_LINE = re.compile(
    r"//|(?:\A|\s)#\s|\w\(\)|[=!]=|[-=]>|[-+]=|&&|::|\$\{?\w|\s\|\s\w|\w\(.*\)|\w\[\w+\]|\s=\s"
    r"|\A(?:(?:return|print|echo|end|else|elif|try|finally|do|then|done|fi|import|from \w+ import)\b.{0,30}\Z"
    r"|return \S+ ?[-+*/^%&|<>])"
)
"""What stands in lines of programs; tried on the end of an answer alone."""

_YAML = re.compile(r"(?:- )?[\w-]+:\Z")
_SIGNED = re.compile(
    r"(?i)\W*(?:yours|best|kind|warm|sincerely|regards|love|cheers|respectfully|thanks|thank you|faithfully|cordially"
    r"|truly|xoxo|with (?:respect|love|hope|gratitude|best|warm|kind|thanks)|mit freundlichen|viele grüße|liebe grüße"
    r"|cordialement|bien à|saludos|atentamente|cordiali|此致)\b"
)
_QUOTED = re.compile(r"[\"”’'»」]\s*[-–—~]\s*[^.!?]{1,60}\Z|\s[-–—]\s*[A-Z][\w.'’]*(?: [A-Z][\w.'’]*){0,3}\Z")
_LABELLED = re.compile(r"\W*\w[\w ]{0,24}[:：] ")
_BEGINS = re.compile(
    r"(?:While|The|For|However|But|And|This|These|It|In|On|If|When|As|With|By|To|A|An|There|We|You|They|So|Also)\b"
)
_SENTENCE = re.compile(r"[.!?。！？][\"”’')]{0,2}(?:\s|\Z)|[。！？]")
_SEPARATOR = frozenset("|-: ")


def ends_open(answer: str, question: str = "") -> Literal["", "maybe", "surely"]:
    """Say whether an answer stops before its end: at a word or mark that nothing can end on, or at no mark at all where
    its last sentence is prose."""
    text = answer[-_END:].rstrip()
    last = text[-1:]
    if not last or last in CLOSED:
        return ""
    line = text[text.rfind("\n") + 1 :].lstrip()
    if line[0] == "|":
        return "surely" if _ends_in_table(answer) else ""
    if last in _ANNOUNCING:
        return "surely" if _announces(text, line) else ""
    if not (last.isalnum() or last in _OPEN):
        return ""
    words = line.rsplit(None, _LAST_LINE_WORDS)  # the last ones, and one piece more where there are more
    if not _NO_PROSE.isdisjoint(words[-1]) or words[-1][0] == "-" or _UNMARKED.match(last):
        return ""
    listed = line[0] in "-*•#>" or line[0].isdigit()
    if words[-1] in _NEVER_LAST or (last in _OPEN and not listed):
        several = len(words) > 1 + listed or not line.isascii()
        return "surely" if several and _CODE_LINE.search(line) is None and not _is_copied(line, question) else ""
    short = len(line) < len(text) and len(words) <= _LAST_LINE_WORDS
    if listed or short or _is_unmarked(text[: -len(line)], line) or _is_whole(text, line):
        return ""
    return "" if _is_copied(line, question) else "maybe"


def _is_unmarked(before: str, line: str) -> bool:
    """Whether nothing closes the lines of a text anyway: verses, of which most lines before the last end in a letter or
    a comma, and rows of keywords."""
    verses = [each.rstrip()[-1] for each in before.splitlines() if each.strip()][-_VERSES:]
    if len(verses) > 1 and sum(sign.isalnum() or sign == "," for sign in verses) * 2 >= len(verses):
        return True
    keywords = line.split(",")
    short = len(keywords) >= _KEYWORDS and all(len(each.split()) <= _KEYWORD_WORDS for each in keywords)
    return short and _STRUCTURE.isdisjoint(line)


def _is_whole(text: str, line: str) -> bool:
    """Whether a last line needs no mark: a program's, a title, a name under a letter or a quotation, a list of things,
    a few words."""
    if _CODE_LINE.search(line) or _QUOTED.search(text) or ": - " in line or line.count(" - ") >= _LAST_LINE_WORDS:
        return True
    ends = [match.end() for match in _SENTENCE.finditer(line)]
    rest = line[ends[-1] :].strip() if ends else line
    if _SIGNED.match(rest) or (_is_title(rest) and _BEGINS.match(rest) is None) or _is_list(rest):
        return True
    words = rest.split()
    told = bool(ends) or len(line) < len(text)
    few = len(words) < _LEAST_WORDS and len(rest) < _LEAST_WORDS * _LEAST_WIDE
    return few and rest.isascii() and (not told or _LABELLED.match(rest) is not None)


def _is_title(line: str) -> bool:
    """Whether nearly all longer words begin with a capital."""
    long = [word for word in line.split() if len(word) > _LAST_LINE_WORDS]
    return len(long) > 1 and sum(word[0].isupper() for word in long) * 3 >= len(long) * 2 and line.isascii()


def _is_list(line: str) -> bool:
    """Whether a line names things and nothing else, or does so behind its last colon."""
    _, colon, listed = line.replace("：", ":").rpartition(":")
    things = listed.replace("、", ",").replace("，", ",").split(",")
    short = all(len(each.split()) <= _ITEM_WORDS and (each.isascii() or len(each) <= _ITEM_SIGNS) for each in things)
    return short and len(things) > (1 if colon else 2) and _STRUCTURE.isdisjoint(listed)


def _is_copied(line: str, question: str) -> bool:
    """Whether all words of a line stand in the question: what was asked is given back in another form, or in part."""
    return len(question) <= _QUESTION and set(line.casefold().split()) <= set(question.casefold().split())


def _announces(text: str, line: str) -> bool:
    """Whether a last line in prose says that something follows."""
    code = _CODE_LINE.search(line) or _YAML.match(line) or text.lstrip()[:1] in ("{", "[", "<", "`")
    enough = len(line.split()) >= _LEAST_ANNOUNCED or (not line.isascii() and len(line) >= _LEAST_WIDE)
    return enough and not code and not line.startswith(("def ", "class ", "if ", "for ", "while ", "elif ", "except "))


def _ends_in_table(answer: str) -> bool:
    """Whether the last row of a table has fewer cells than the one before it, or none has come yet."""
    rows = answer.rstrip().rsplit("\n", 2)[-2:]
    if len(rows) < 2 or not rows[0].lstrip().startswith("|"):
        return False
    before, last = (row.strip().replace("\\|", "") for row in rows)
    return (_SEPARATOR.issuperset(last) and "--" in last) or last.count("|") < before.count("|")
