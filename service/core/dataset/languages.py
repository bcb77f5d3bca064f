"""The language of a text, as far as its script or its commonest words tell it; made to be sure rather than complete."""

import re

_LOOKED_AT, _SCRIPT_LOOKED_AT = 300, 80
_LEAST_WORDS = 4
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
_WORDS = {
    "English": "the and of to is that it for you with this are was on as be have not can",
    "German": "der die und das ist nicht ein eine zu den mit auf für sie ich von dem sich auch wird werden",
    "French": "le la les des et est une pour dans que qui vous pas sur avec ce cette sont du au",
    "Spanish": "el los las una que en es para con por se su del al lo está son más como pero",
    "Italian": "il che di è per una sono non con del della le gli più questo anche nel alla",
    "Portuguese": "o que não uma para com os do da em um são você mais por isso pelo pela",
    "Dutch": "de het een en van is dat niet te op voor met zijn je ik naar ook wordt",
}
_LANGUAGES: dict[str, list[str]] = {}
for _language, _listed in _WORDS.items():
    for _word in _listed.split():
        _LANGUAGES.setdefault(_word, []).append(_language)
_WORD = re.compile(r"[^\W\d_]+")
_FOREIGN = re.compile(" (?:d(?:e|ie|er) |la |und |het |che |el |que )")
"""One of these stands in nearly any text in these languages that has no accents."""


def language_of(text: str) -> str | None:
    """Return the language or script of a text's first 300 characters, None where they do not tell it for sure.

    Code and tables are None: too few of their words are common ones.
    """
    head = text[:_LOOKED_AT]
    if not head.isascii() and (script := _script_of(head)) is not None:
        return script
    if (" the " in head) + (" of " in head) + (" and " in head) + (" to " in head) >= 2:
        return "English"
    if head.isascii() and not _FOREIGN.search(head):
        return None
    return _latin(head)


def _script_of(head: str) -> str | None:
    head = head[:_SCRIPT_LOOKED_AT]
    letters = sum(map(str.isalpha, head))
    for name, pattern in _SCRIPTS:
        found = len(pattern.findall(head))
        if found * 2 >= letters or (name == "Japanese" and found * 6 >= letters):
            return name if found >= _LEAST_WORDS else None
    return None


def _latin(head: str) -> str | None:
    votes: dict[str, int] = {}
    words = _WORD.findall(head.lower())
    for word in words:
        for language in _LANGUAGES.get(word, ()):
            votes[language] = votes.get(language, 0) + 1
    if not votes:
        return None
    best, *others = sorted(votes.values(), reverse=True)
    if best < _LEAST_WORDS or best * 5 < len(words) or (others and others[0] * 3 > best * 2):
        return None
    return max(votes, key=votes.__getitem__)
