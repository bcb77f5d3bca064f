"""Builds the three splits: letters balanced, no line twice, no passage in two splits."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from .assignments import SETTINGS
from .draw import Draw
from .passages import Passage, make_passage
from .questions import Kind, Question, ask
from .text import LETTERS, SYSTEM, passage_text, user_text

SEED = 20261122
QUESTIONS_A_PASSAGE = 5
PASSAGES = {"train": 80, "validation": 12, "test": 12}
KINDS: tuple[tuple[Kind, bool], ...] = (
    ("must", False),
    ("must", True),
    ("could", False),
    ("could", True),
    ("cannot", False),
    ("cannot", True),
    ("domain", False),
)


@dataclass(frozen=True)
class Puzzle:
    """One line of a dataset, in its structured form."""

    passage: Passage
    question: Question

    def line(self) -> str:
        """Return the JSONL line, newline included."""
        messages = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": user_text(self.passage, self.question)},
            {"role": "assistant", "content": LETTERS[self.question.answer]},
        ]
        return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


def make_splits(seed: int = SEED) -> dict[str, list[Puzzle]]:
    """Return the puzzles of each split; the same seed gives the same puzzles."""
    draw = Draw(seed)
    seen: set[str] = set()
    return {name: _make_split(draw, passages, seen) for name, passages in PASSAGES.items()}


def _make_split(draw: Draw, passages: int, seen: set[str]) -> list[Puzzle]:
    count = passages * QUESTIONS_A_PASSAGE
    answers = iter(draw.shuffled(i % len(LETTERS) for i in range(count)))
    puzzles: list[Puzzle] = []
    for number in range(passages):
        puzzles += _make_passage_puzzles(draw, number, [next(answers) for _ in range(QUESTIONS_A_PASSAGE)], seen)
    return puzzles


def _make_passage_puzzles(draw: Draw, number: int, answers: list[int], seen: set[str]) -> list[Puzzle]:
    """Draw passages until a new one has questions enough."""
    settings = SETTINGS[number % len(SETTINGS)]
    while True:
        passage = make_passage(draw, draw.pick(settings))
        questions = _questions(draw, passage, answers)
        text = passage_text(passage)
        if len(questions) == len(answers) and text not in seen:
            seen.add(text)
            return [Puzzle(passage, question) for question in questions]


def _questions(draw: Draw, passage: Passage, answers: Iterable[int]) -> list[Question]:
    """Ask for a complete arrangement first, then further kinds in random order."""
    kinds: list[tuple[Kind, bool]] = [("complete", False), *draw.shuffled(KINDS)]
    found: list[Question] = []
    for answer in answers:
        question = None
        while kinds and question is None:
            kind, conditional = kinds.pop(0)
            question = ask(draw, passage, kind, conditional=conditional, answer=answer)
        if question is not None:
            found.append(question)
    return found
