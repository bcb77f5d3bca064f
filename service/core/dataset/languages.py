"""The language of a text, as far as its script or its commonest words tell it; made to be sure rather than complete."""

import re

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
_WORDS = {
    "English": (
        "the and of to is that it for you with this are was on as be have not can in your will from at "
        "by or an my we they he she has been were which their there about would could should please how "
        "what"
    ),
    "German": (
        "der die und das ist nicht ein eine zu den mit auf für sie ich von dem sich auch wird werden im "
        "dieses dieser diese sehr aber oder wenn man kann haben sind bei einen einer ihr ihre wir es "
        "dass nach über"
    ),
    "French": (
        "le la les des et est une pour dans que qui vous pas sur avec ce cette sont du au de un en ne "
        "votre nous je très mais ou plus ont été être aux par il elle"
    ),
    "Spanish": (
        "el los las una que en es para con por se su del al lo está son más como pero la de un y muy "
        "usted puede este esta sus sin sobre también cuando hay ha abra debe"
    ),
    "Italian": (
        "il che di è per una sono non con del della le gli più questo anche nel alla la un si da dei "
        "delle molto può ha questa essere come ma suo al ogni due "
        "hai ho fare deve almeno prima dopo tra"
    ),
    "Portuguese": (
        "o que não uma para com os do da em um são você mais por isso pelo pela de as dos das no na "
        "muito pode está como mas seu sua ao é"
    ),
    "Dutch": (
        "de het een en van is dat niet te op voor met zijn je ik naar ook wordt deze aan in om er maar "
        "heeft kan uw bij als wij door zeer die dit dan geen moet kunt "
        "twee uur hun nog laten"
    ),
    "Swedish": "och att det som en på är av för med till den har inte om ett kan jag du din mycket från vid",
    "Polish": "nie się jest na do że to jak ale przez dla są być może od po czy bardzo który która oraz",
    "Turkish": "bir ve bu için ile çok da de daha olarak gibi var olan ne ama en kadar sonra",
    "Danish or Norwegian": (
        "og det er ikke af av på til med jeg som har den du kan vil skal være ble blev også hvad hva"
    ),
    "Finnish": "ja ei se että hän oli mutta kun tai myös niin ovat voi joka tämä olla kuin sinun voit",
    "Czech": "je se na že jako ale nebo není jsou pro který která jsem být má také tak si od",
    "Hungarian": "az és nem hogy egy van meg ez de volt már csak mint lehet kell vagy azt nagyon",
    "Romanian": "și în nu este cu pe la care mai din să un pentru sunt ce dar sau fi foarte ale",
    "Indonesian": (
        "yang dan di ini untuk dengan tidak dari dalam akan pada itu adalah anda juga bisa ke dua agar hari lebih "
        "harus atau membuat sebuah saat oleh sehari setidaknya"
    ),
}
_MARKS = {
    "German": "ßäöü", "French": "çèêàùœî", "Spanish": "ñ¿¡áóú", "Italian": "èìò", "Portuguese": "ãõç", "Swedish": "åäö",
    "Danish or Norwegian": "æø", "Finnish": "äö", "Czech": "ěščřžů", "Hungarian": "őű", "Romanian": "șțăî",
    "Polish": "łąęśżźćń", "Turkish": "ğşıİ",
}  # fmt: skip
_KIN = {"Swedish", "Danish or Norwegian"}
"""So alike that neither puts the other in doubt."""

_LANGUAGES: dict[str, list[str]] = {}
for _language, _listed in _WORDS.items():
    for _word in _listed.split():
        _LANGUAGES.setdefault(_word, []).append(_language)
_COMMON = frozenset(_LANGUAGES)
_WORD = re.compile(r"[^\W\d_]+")
_VIETNAMESE = re.compile("[ăđơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]")
_LEAST_VIETNAMESE = 4
_ASCII_WORDS = {code: chr(code).lower() if chr(code).isalpha() else " " for code in range(128)}
_NAMED = re.compile(
    r"(?i)translat|übersetz|traduc|traduz|tradui|traduire|翻訳|訳して|翻译|번역|перевед"
    r"|how do you say|\b(?:in|into|to) (?:\w+ )?(?:english|german|french|spanish|italian"
    r"|portuguese|dutch|swedish|polish|turkish|japanese|chinese|korean|russian|arabic|greek"
    r"|hebrew|hindi|thai|indonesian|latin)\b|auf (?:deutsch|englisch)|en (?:français"
    r"|anglais|español|inglés)|(?:日本語|英語|中国語|韓国語|フランス語|ドイツ語|スペイン語)(?:で|に)"
)


def asks_for_language(question: str) -> bool:
    """Whether a question asks for a translation, or for an answer in some language."""
    return _NAMED.search(question) is not None


def language_of(text: str) -> str | None:
    """Return the language or script of a text's first 300 characters, None where they do not tell it for sure.

    Code and tables are None: too few of their words are common ones.
    """
    head = text[:_LOOKED_AT]
    if not head.isascii() and (script := _script_of(head)) is not None:
        return script
    if (" the " in head) + (" of " in head) + (" and " in head) + (" to " in head) >= 2:
        return "English"
    return _latin(head)


def _script_of(head: str) -> str | None:
    head = head[:_SCRIPT_LOOKED_AT]
    if head.isascii():
        return None
    letters = sum(map(str.isalpha, head))
    for name, pattern in _SCRIPTS:
        found = len(pattern.findall(head))
        if found * 2 >= letters or (name == "Japanese" and found * 6 >= letters):
            return name if found >= _LEAST_LETTERS else None
    return None


def _latin(head: str) -> str | None:
    votes: dict[str, int] = {}
    low = head.lower()
    words = set(head.translate(_ASCII_WORDS).split() if head.isascii() else _WORD.findall(low))
    for word in _COMMON & words:
        for language in _LANGUAGES[word]:
            votes[language] = votes.get(language, 0) + 1
    if not low.isascii():
        if len(_VIETNAMESE.findall(low)) >= _LEAST_VIETNAMESE:
            return "Vietnamese"
        for language in votes:
            votes[language] += any(mark in low for mark in _MARKS.get(language, ""))
    if not votes or max(votes.values()) < _LEAST_VOTES:
        return None
    first = max(votes, key=votes.__getitem__)
    best = votes[first]
    rival = max((votes[each] for each in votes if each != first and {each, first} != _KIN), default=0)
    if best * (5 if best >= _SURE_VOTES else 3) < len(words) or rival * 3 > best * 2:
        return None
    return first
