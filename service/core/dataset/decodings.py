"""Whether letters that make no words make some when their bytes are read with another character set."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

_ACCENTED = re.compile("[A-Za-z]?[\u00c0-\u00ff]{2,}[A-Za-z]?")
_HIGH = re.compile("[\u00a1-\u00ff]{8,}")
_CYRILLIC = re.compile("[\u0410-\u044f]{2,}")
_CASED = re.compile("[А-ЯЁ]?[а-яё]+|[А-ЯЁ]+|[Ά-Ϋ]?[ά-ώ]+")
_PAIRS_TEXT = (
    "ст но то на ен ов ни ра во ко ал ли по ре ро ор ер ан ло ет де ка ти те ос ит ве за ва од не ес пр от ол ри ел ом"
    " ог ть ки ив ла ат ас ты ме бо ле ам та же ск ой ая им ас па си иб бо ел да ак дн ру ны ем вы чт го ег ва"
    " το αι ου τη να τα με στ τι κα ερ αν εν ει ης ος ην ον ων απ πο ρο ια ας ες ικ αρ οι λο τε ατ ρι δε μα αλ ημ ρα"
)
_PAIRS = frozenset(_PAIRS_TEXT.split())
"""Letters that often follow each other in Russian, or in Greek."""

_LEAST_LETTERS, _LEAST_SHARE = 5, 0.3
_SCRIPTS = {"gb2312": "\u4e00-\u9fff", "euc_kr": "\uac00-\ud7a3", "euc_jp": "\u3040-\u30ff\u4e00-\u9fff"}
_WIDE = {name: re.compile(f"[{letters}\u3000-\u3020\uff00-\uff20]+") for name, letters in _SCRIPTS.items()}
_LEAST_WIDE = 4
_WORD, _ADDRESS = re.compile(r"\S+"), re.compile(r"[/=?:&@\\(<]|\w\.\w")
_LESSON = re.compile(
    r"(?i)escap|backslash|json|unicode|code ?point|encod|decod|string|regex|quot|latex|url|mime|percent|\bmean"
)
_OBJECT = re.compile(r'"\s*[:\]}]|[\[{]\s*"')
_SLAVONIC = re.compile(r"[Ss]lav|\*[a-z]|ъ|(?<![A-Za-z])[А-Яа-яЁё]{2}|[А-Яа-яЁё]{3}")
_NORMAL_FORM = re.compile(r"(?i)\bNFK?[CD]\b|combining|normali[sz]")
_PIECE = re.compile(r"[^\W\d_][\u0300-\u0328]+")


def is_foreign(_match: str, text: str) -> bool:
    """Whether accented letters in a row are Cyrillic or Greek ones that were read as Latin."""
    return _reads_as_foreign(text)


@lru_cache(maxsize=4)
def _reads_as_foreign(text: str) -> bool:
    runs = [run for run in _ACCENTED.findall(text) if not _is_listed(run)]
    return any(_are_words(_read_again(runs, "latin-1", other)) for other in ("cp1251", "koi8-r", "cp1253"))


def is_twisted(_match: str, text: str) -> bool:
    """Whether Cyrillic letters with capitals within are others, read with the other Russian character set."""
    return _reads_as_other_cyrillic(text)


@lru_cache(maxsize=4)
def _reads_as_other_cyrillic(text: str) -> bool:
    runs = _CYRILLIC.findall(text)
    others = (_likeness(_read_again(runs, *sets)) for sets in (("cp1251", "koi8-r"), ("koi8-r", "cp1251")))
    return max(others) >= max(_LEAST_SHARE, _likeness(runs))


def is_wide(_match: str, text: str) -> bool:
    """Whether accented letters and signs in a row are Chinese, Korean or Japanese."""
    return _reads_as_wide(text)


@lru_cache(maxsize=4)
def _reads_as_wide(text: str) -> bool:
    runs = [run[: len(run) // 2 * 2] for run in _HIGH.findall(text) if min(run) < "\u00c0" and not _is_listed(run)]
    return any(
        script.fullmatch(decoded) is not None and len({sign for sign in decoded if sign.isalpha()}) >= _LEAST_WIDE
        for name, script in _WIDE.items()
        for decoded in _read_again(runs, "latin-1", name)
    )


def is_latin(_match: str, text: str) -> bool:
    """Whether a text with a Cyrillic letter in a Latin word has no other, and does not tell of Old Slavonic."""
    return not _is_slavonic(text)


@lru_cache(maxsize=4)
def _is_slavonic(text: str) -> bool:
    return _SLAVONIC.search(text) is not None


def is_decomposed(match: str, text: str) -> bool:
    """Whether a letter and its mark have a letter of their own, and stand in a word (`ŷ` is mathematics) of a text that
    doesn't tell of normal forms."""
    return len(unicodedata.normalize("NFC", match)) < len(match) and (match >= "\u1100" or _is_in_pieces(text))


@lru_cache(maxsize=4)
def _is_in_pieces(text: str) -> bool:
    if _NORMAL_FORM.search(text) is not None:
        return False
    for piece in _PIECE.finditer(text):
        before, after = text[max(0, piece.start() - 1) : piece.start()], text[piece.end() : piece.end() + 1]
        if (before.isalpha() or after.isalpha()) and len(unicodedata.normalize("NFC", piece[0])) < len(piece[0]):
            return True
    return False


@lru_cache(maxsize=4)
def is_lesson(text: str) -> bool:
    """Whether a text tells of escapes itself, or is JSON, where they belong."""
    return _OBJECT.search(text) is not None or _LESSON.search(text) is not None


def is_outside_address(match: str, text: str) -> bool:
    """Whether escapes of addresses stand in a text somewhere else than in an address or the name of a file."""
    return match in _outside_addresses(text)


@lru_cache(maxsize=4)
def _outside_addresses(text: str) -> str:
    return " ".join(word for word in _encoded_words(text) if _ADDRESS.search(word) is None)


def _encoded_words(text: str) -> Iterator[str]:
    return (word[0] for word in _WORD.finditer(text) if "%" in word[0])


def _is_listed(run: str) -> bool:
    """Whether letters are listed in their order, rather than written."""
    return list(run) == sorted(run)


def _read_again(runs: Iterable[str], written: str, read: str) -> list[str]:
    """Return what the bytes of some texts are in another character set, nothing for those that are not."""
    found: list[str] = []
    for run in runs:
        try:
            found.append(run.encode(written).decode(read))
        except UnicodeError:
            continue
    return found


def _are_words(words: list[str]) -> bool:
    return _likeness(words) >= _LEAST_SHARE


def _likeness(words: list[str]) -> float:
    """Return how many of the letters follow each other as they often do, of words that are long enough to tell and
    written as words are; 0 for others."""
    whole = [word.lower() for word in words if _CASED.fullmatch(word)]
    if sum(map(len, whole)) < _LEAST_LETTERS or len(whole) * 3 < len(words) * 2:
        return 0.0
    pairs = [word[at : at + 2] for word in whole for at in range(len(word) - 1)]
    return sum(pair in _PAIRS for pair in pairs) / max(len(pairs), 1)
