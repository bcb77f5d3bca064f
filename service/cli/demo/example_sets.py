"""The sets that the demo runs: folders with train, validation and test lines in chat form."""

from pathlib import Path
from typing import Any

import msgspec

SHIPPED = ("bank_intents", "reasoning_puzzles")
_TITLES = {
    "bank_intents": "Bank messages: which of eight intents?",
    "reasoning_puzzles": "Reasoning puzzles: which of five options?",
}
_SPLITS = ("train", "validation", "test")
_MOST_CLASSES = 50
_PACKAGED = Path(__file__).parents[2] / "data" / "examples"
_CHECKOUT = Path(__file__).parents[3] / "examples"


class SetMissing(Exception):
    """The folder isn't there or lacks a split; the message says what it should hold."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A held-out example: what is asked, and the right answer."""

    messages: list[dict[str, Any]]
    answer: str


class ExampleSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set on disk. `classes` are the different answers of the training lines, None if there are too many to guess."""

    name: str
    title: str
    folder: Path
    examples: int
    classes: int | None
    questions: tuple[Question, ...]

    @property
    def train(self) -> Path:
        """Return the training split."""
        return self.folder / "train.jsonl"

    @property
    def validation(self) -> Path:
        """Return the validation split."""
        return self.folder / "validation.jsonl"

    @property
    def chance(self) -> float | None:
        """Return the accuracy of guessing."""
        return 1 / self.classes if self.classes else None


class _Message(msgspec.Struct):
    content: str


class _Line(msgspec.Struct):
    messages: list[_Message]


def shipped() -> list[ExampleSet]:
    """Return the two sets of the package, or of the checkout that it runs from."""
    root = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    return [read(root / name) for name in SHIPPED]


def read(folder: Path) -> ExampleSet:
    """Read a set; raise SetMissing if a split is not there or is not chat."""
    missing = [f"{split}.jsonl" for split in _SPLITS if not (folder / f"{split}.jsonl").is_file()]
    if missing:
        raise SetMissing(
            f"{folder} lacks {', '.join(missing)}. A set is a folder with train.jsonl, validation.jsonl and "
            'test.jsonl, each line {"messages": [...]} that ends with the right answer; see examples/ of the project.'
        )
    try:
        answers = [line.messages[-1].content for line in _lines(folder / "train.jsonl", _Line)]
        questions = tuple(_question(line) for line in _lines(folder / "test.jsonl", dict[str, Any]))
    except (msgspec.MsgspecError, KeyError, IndexError, TypeError) as error:
        raise SetMissing(f"{folder} holds a line that is not in chat form: {error}") from error
    classes = len(set(answers))
    return ExampleSet(
        name=folder.name,
        title=_TITLES.get(folder.name, folder.name),
        folder=folder,
        examples=len(answers),
        classes=classes if 1 < classes <= _MOST_CLASSES else None,
        questions=questions,
    )


def _lines(path: Path, kind: Any) -> list[Any]:
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def _question(line: dict[str, Any]) -> Question:
    *asked, answer = line["messages"]
    return Question(messages=asked, answer=str(answer["content"]))
