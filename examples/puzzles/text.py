"""Says passages, questions and options in English."""

from collections.abc import Sequence

from .logic import Arrangement, Fact
from .passages import Passage
from .questions import Option, Question

LETTERS = "ABCDE"
SYSTEM = (
    "Read the puzzle and the question, and decide which one of the five options is right. "
    "Answer with its letter alone: A, B, C, D or E."
)
_STEMS = {
    "must": "which one of the following must be true?",
    "could": "which one of the following could be true?",
    "cannot": "which one of the following cannot be true?",
}


def user_text(passage: Passage, question: Question) -> str:
    """Return the whole prompt, ending where the letter is due."""
    options = "\n".join(
        f"{letter}. {_capital(_option(passage, question, option))}"
        for letter, option in zip(LETTERS, question.options, strict=True)
    )
    return f"Passage: {passage_text(passage)}\n\nQuestion: {_stem(passage, question)}\n\n{options}\n\nAnswer:"


def passage_text(passage: Passage) -> str:
    """Return the story and its rules."""
    names = _list([_subject(passage, thing) for thing in range(len(passage.names))])
    rules = " ".join(
        _capital(
            f"{_fact(passage, rule.then)}."
            if rule.when is None
            else f"if {_fact(passage, rule.when)}, then {_fact(passage, rule.then)}."
        )
        for rule in passage.rules
    )
    return f"{passage.setting.intro.format(names=names)} The following conditions hold: {rules}"


def _stem(passage: Passage, question: Question) -> str:
    if question.kind == "complete":
        return passage.setting.complete
    if question.kind == "domain":
        return passage.setting.domain.format(a=_subject(passage, question.about or 0))
    condition = f"if {_fact(passage, question.when)}, " if question.when else ""
    return _capital(condition + _STEMS[question.kind])


def _option(passage: Passage, question: Question, option: Option) -> str:
    if isinstance(option, Fact):
        return f"{_fact(passage, option)}."
    if question.kind == "domain":
        if passage.setting.lists == "values":
            return ", ".join(passage.setting.values[value] for value in option)
        return ", ".join(_subject(passage, thing) for thing in option)
    return _arrangement(passage, option)


def _arrangement(passage: Passage, values: Arrangement) -> str:
    """A line is said in order, a grouping group by group, an assignment person by person."""
    if passage.setting.kind == "ordering":
        return ", ".join(passage.names[values.index(place)] for place in range(len(values)))
    if passage.setting.kind == "assignment":
        chosen = zip(passage.names, values, strict=True)
        return ", ".join(f"{name}: {passage.setting.values[value]}" for name, value in chosen)
    groups: list[str] = []
    for value, label in enumerate(passage.setting.values):
        members = [name for name, own in zip(passage.names, values, strict=True) if own == value]
        groups.append(f"{label}: {', '.join(members)}")
    return "; ".join(groups)


def _fact(passage: Passage, fact: Fact) -> str:
    labels = passage.setting.values
    template = passage.setting.says[fact.relation]
    a = _subject(passage, fact.a)
    if fact.relation in ("at", "not_at"):
        return template.format(a=a, v=labels[fact.b])
    if fact.relation == "either":
        return template.format(a=a, v=labels[fact.b], w=labels[fact.c])
    return template.format(a=a, b=_subject(passage, fact.b))


def _subject(passage: Passage, thing: int) -> str:
    return passage.setting.subject.format(name=passage.names[thing])


def _list(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
