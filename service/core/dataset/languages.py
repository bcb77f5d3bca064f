"""The language of a text, as far as its script or its commonest words tell it; made to be sure rather than complete."""

import re

from service.core.dataset.tongue_words import COMMON, LETTERS

_LOOKED_AT, _SCRIPT_LOOKED_AT = 300, 80
_LEAST_LETTERS, _LEAST_VOTES, _SURE_VOTES = 4, 2, 4
_SCRIPTS = (
    ("Japanese", re.compile("[\u3040-\u30ff]")),
    ("Korean", re.compile("[\uac00-\ud7af\u1100-\u11ff]")),
    ("Chinese", re.compile("[\u4e00-\u9fff]")),
    ("Cyrillic script", re.compile("[\u0400-\u04ff]")),
    ("Arabic script", re.compile("[\u0600-\u06ff]")),
    ("Greek", re.compile("[\u0370-\u03ff]")),
    ("Hebrew", re.compile("[\u0590-\u05ff]")),
    ("Devanagari script", re.compile("[\u0900-\u097f]")),
    ("Thai", re.compile("[\u0e00-\u0e7f]")),
)
_KIN = (
    {"Swedish", "Danish or Norwegian"},
    {"Czech", "Slovak"},
    {"Croatian, Serbian or Bosnian", "Slovenian"},
    *({other, "Catalan"} for other in ("Spanish", "French", "Italian")),
)
"""So alike that neither puts the other in doubt."""

_VOTES: dict[str, int] = {}
"""Of each common word a number with a byte for each language, which is 1 where the word is one of its own."""

for _at, _listed in enumerate(COMMON.values()):
    for _word in _listed.split():
        _VOTES[_word] = _VOTES.get(_word, 0) | 1 << 8 * _at
_COMMON = frozenset(_VOTES)
_COMMON_ASCII = frozenset(word.encode() for word in _COMMON if word.isascii())
_BEYOND = frozenset("".join(LETTERS.values()))
_WORD = re.compile(r"[^\W\d_]+")
_CHINESE = re.compile("[这们说对时间你她它很怎什么吗呢吧还让给谁从问题应该认识请谢东买卖开发经电视频达运动过听读课]")
_LEAST_CHINESE = 16
"""Chinese characters alone are Japanese, too, as long as they are few and none is written so in China alone."""

_SHARE, _MIXED = 10, "a mixture"
_VIETNAMESE = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")
_LEAST_VIETNAMESE, _MOST_MARKS = 3, 2
_ASCII_WORDS = bytes(ord(chr(code).lower() if code < 128 and chr(code).isalpha() else " ") for code in range(256))
_ENGLISH = re.findall(r" \w+ ", " the  of  and  to  that  with  from  are  you  your  which  this  have ")
_NAMED = re.compile(
    r"(?i)translat|übersetz|traduc|traduz|tradui|traduire|翻訳|訳して|翻译|번역|перевед"
    r"|how do you say|\b(?:in|into|to) (?:\w+ )?(?:english|german|french|spanish|italian"
    r"|portuguese|dutch|swedish|polish|turkish|japanese|chinese|korean|russian|arabic|greek"
    r"|hebrew|hindi|thai|indonesian|latin)\b|auf (?:deutsch|englisch)|en (?:français"
    r"|anglais|español|inglés)|(?:日本語|英語|中国語|韓国語|フランス語|ドイツ語|スペイン語)(?:で|に)"
)


def are_kin(one: str, other: str) -> bool:
    """Whether two languages are so alike that a text in one may be taken for the other."""
    return {one, other} in _KIN


def asks_for_language(question: str) -> bool:
    """Whether a question asks for a translation, or for an answer in some language."""
    return _NAMED.search(question) is not None


def language_of(text: str) -> str | None:
    """Return the language or script of a text's first 300 characters, None where they do not tell it for sure.

    Code and tables are None: too few of their words are common ones.
    """
    head = text[:_LOOKED_AT]
    if not head.isascii() and (script := _script_of(head)) is not None:
        return None if script is _MIXED else script
    return "English" if _is_english(head) else _latin(head)


def _is_english(head: str) -> bool:
    """Whether two words stand in a text that together no other language has (lines.c asks the same of answers)."""
    found = 0
    for word in _ENGLISH:
        found += word in head
        if found == 2:
            return True
    return False


def _script_of(head: str) -> str | None:
    head = head[:_SCRIPT_LOOKED_AT]
    if head.isascii():
        return None
    letters = sum(map(str.isalpha, head))
    for name, pattern in _SCRIPTS:
        found = len(pattern.findall(head))
        if found * 2 >= letters or (name == "Japanese" and found * 6 >= letters):
            if name == "Chinese" and found < _LEAST_CHINESE and not _CHINESE.search(head):
                return _MIXED
            return name if found >= _LEAST_LETTERS else None
        if found * _SHARE >= letters:
            return _MIXED
    return None


def _latin(head: str) -> str | None:
    """Return the language whose common words a text in Latin letters has; of those of one letter one counts."""
    low = head.lower()
    if head.isascii():
        told = head.encode().translate(_ASCII_WORDS).split()
        common = _COMMON_ASCII.intersection(told)
        if len(common) < _LEAST_VOTES:
            return None
        number, found = len(set(told)), {word.decode() for word in common}
    else:
        words = set(_WORD.findall(low))
        number, found = len(words), _COMMON & words
    of_a_letter = 0
    for word in found:
        if len(word) == 1:
            of_a_letter |= _VOTES[word]
    given = of_a_letter + sum(_VOTES[word] for word in found if len(word) > 1)
    counted = given.to_bytes(len(COMMON), "little")
    if head.isascii() and max(counted) < _LEAST_VOTES:
        return None
    votes = {language: number for language, number in zip(COMMON, counted, strict=True) if number}
    if not low.isascii():
        if len(set(_VIETNAMESE.findall(low))) >= _LEAST_VIETNAMESE:
            return "Vietnamese"
        marks = _BEYOND.intersection(low)
        for language in votes:
            own = marks.intersection(LETTERS[language])
            votes[language] += min(len(own), _MOST_MARKS) - len(marks) + len(own)
    if not votes or max(votes.values()) < _LEAST_VOTES:
        return None
    first = max(votes, key=votes.__getitem__)
    best = votes[first]
    rival = max((votes[each] for each in votes if each != first and {each, first} not in _KIN), default=0)
    if best * (5 if best >= _SURE_VOTES else 3) < number or rival * 3 >= best * 2:
        return None
    return first
