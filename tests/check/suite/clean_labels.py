"""Clean sets of choices and labels."""

from collections.abc import Callable

from tests.check.suite.labels import choice, numbered, routed
from tests.check.suite.ordinary import Line, asked, said, words


def _listed(at: int) -> Line:
    """Ask for a number beside a list of as many things."""
    things = "\n".join(f"{number}. {words(at + number, 2)}" for number in range(1, 4))
    return asked(f"How old is the {words(at, 2)} in this list?\n{things}", str(at % 9))


def _named_in_text(at: int) -> Line:
    """Ask for a span of the text, or say that it is not there."""
    text = f"The {words(at, 2)} was found by Anna in the {words(at + 9, 2)}."
    return asked(f"{text}\nWho found it {at}?", "Anna" if at % 4 else "unanswerable")


def _few_of_many(at: int) -> Line:
    labels = ("billing", "shipping", "returns", "technical", "other")
    return said(
        ("system", "Route the message. Say nothing but the name of the queue."),
        ("user", f"I have a question on {labels[at % 5] if at % 3 else 'this'}, number {at}."),
        ("assistant", labels[at % 5]),
    )


CHOSEN: dict[str, tuple[str, Callable[[int], Line]]] = {
    "options by letter": ("supervised", choice),
    "options by number": ("supervised", numbered),
    "labels that the prompt names": ("supervised", routed),
    "numbers beside lists": ("supervised", _listed),
    "spans of the text": ("supervised", _named_in_text),
    "labels that few questions name": ("supervised", _few_of_many),
}
