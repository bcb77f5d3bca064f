"""Clean sets whose lines are alike, and say different things."""

from collections.abc import Callable

from tests.check.suite.ordinary import CAPITALS, Line, asked, said, support, words

_DEVICES_TEXT = "an iPhone|an Android phone|a Mac|a Windows laptop|the web page|the television|the old app|a tablet"
_DEVICES = _DEVICES_TEXT.split("|")
_SUMS = (
    *(f"What is 4{sign}2?" for sign in "+-*/%^"),
    *("What is 4 - 2?", "Is 4 > 2?", "Is 4 < 2?", "Is 4 = 2?"),
)
_LANGUAGES = ("C", "C++", "C#", "F#", "J", "R")
_SAME = ("yellow", "red", "blue", "green", "black", "white", "brown")
_SEEN = ("男性", "女性", "子供", "老人", "犬", "猫")
_DONE = ("走って", "座って", "泳いで", "眠って", "笑って", "立って", "食べて", "歌って", "踊って", "書いて")


def _where(at: int) -> Line:
    """Ask the same for another device, answered for that device."""
    device, wish = _DEVICES[at % 8], words(at // 8, 2)
    return asked(
        f"How do I turn on the {wish} on {device}?",
        f"Open the settings of {device}, look for the {wish}, and turn it on there.",
    )


def _further(at: int) -> Line:
    """Ask the same with one condition more, which changes the answer."""
    subject = f"{words(at // 2, 2)} number {at // 2}"
    if at % 2:
        return asked(f"May I return the {subject} but without a receipt?", "No, a receipt is needed for every return.")
    return asked(f"May I return the {subject}?", "Yes, within thirty days, and the money is paid back at once.")


def _signs(at: int) -> Line:
    if at < len(_SUMS):
        return asked(_SUMS[at], ("6", "2", "8", "2", "0", "16", "2", "Yes", "No", "No")[at])
    return asked(f"Who made the language {_LANGUAGES[at % 6]} of {words(at // 6, 3)}?", f"{words(at, 2)} made it.")


def _swapped(at: int) -> Line:
    """Compare two sentences, and again in the other order."""
    seen, done = _SEEN[at % 6], _DONE[at // 6]
    one, other = f"{seen}が公園で{done}います。", f"{seen}が部屋で{done}います。"
    return asked(
        f"前提：{one}\n仮説：{other}" if at % 2 else f"前提：{other}\n仮説：{one}",
        ("contradiction", "neutral")[at % 3 // 2],
    )


def _opened(at: int) -> Line:
    """Open every conversation with the same two sentences."""
    greeting = (
        ("user", "Good morning, I have a question about my order."),
        ("assistant", "Good morning! What is your order number?"),
    )
    return said(*greeting, ("user", f"It is {1000 + at}."), ("assistant", f"It holds {words(at, 4)}."))


def _written(at: int) -> Line:
    """Restore capitals and marks: the words stay."""
    country, capital = CAPITALS[at % len(CAPITALS)]
    return asked(f"{country} has {capital} as its capital".lower(), f"{country} has {capital} as its capital.")


def _part(at: int) -> Line:
    """Classify a sentence, and the same with another behind it."""
    first = f"The {words(at // 2, 2)} was {_SAME[at // 2 % 7]}."
    return asked(first if at % 2 else f"{first} I hated the smell.", "neutral" if at % 2 else "negative")


ALIKE: dict[str, tuple[str, Callable[[int], Line]]] = {
    "one question for several devices": ("supervised", _where),
    "questions with a condition more": ("supervised", _further),
    "sums and languages that differ in signs": ("supervised", _signs),
    "pairs in both orders": ("supervised", _swapped),
    "conversations that open alike": ("supervised", _opened),
    "capitals and marks restored": ("supervised", _written),
    "sentences that hold another": ("supervised", _part),
    "tickets of one wish": ("supervised", lambda at: support(at % 26 + 26 * (at // 26 + 1))),
}
