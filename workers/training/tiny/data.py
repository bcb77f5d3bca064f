"""From dataset lines to turns: which answers are trained, which pieces get an id, and the limits."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from workers.training.engine import Method, TrainingFailed
from workers.training.lines import FunctionDefinition, Line, LineError, Message, Tool, read
from workers.training.tiny.context import build
from workers.training.tiny.hashing import Hasher
from workers.training.tiny.pieces import Vocabulary, split
from workers.training.tiny.rendering import Prompt, answer_of, prompt_of, prompt_of_completion
from workers.training.tiny.turns import MAX_ANSWER_PIECES, Turn, encode

MAX_EXAMPLES = 20_000
MAX_PIECES = 2_000_000
MAX_NEW_PIECES = 6_000
_OFTEN = 3

_ELSEWHERE = (
    "The tiny engine is for demonstrations and tests; train this set with the local peft backend or another provider."
)


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer in words, before numbering. `ended` is False where it was cut at the longest length."""

    prompt: Prompt
    pieces: list[str]
    ended: bool


Example = list[Turn]
"""The trained turns of one line; for DPO the preferred and the other answer."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset read, checked against the limits and cut into pieces."""

    examples: list[list[Answer]]
    pieces: int


def load(path: Path, method: Method, param: str) -> Source:
    """Read a dataset; TrainingFailed names the line at fault, or the limit that it is over."""
    examples: list[list[Answer]] = []
    pieces = 0
    try:
        for number, line in read(path):
            answers = _answers(line, method, number)
            pieces += sum(_size(answer) for answer in answers)
            examples.append(answers)
            if len(examples) > MAX_EXAMPLES:
                raise LineError(f"The file has more than {MAX_EXAMPLES:,} examples. {_ELSEWHERE}")
            if pieces > MAX_PIECES:
                raise LineError(f"The file has more than {MAX_PIECES:,} pieces (line {number}). {_ELSEWHERE}")
    except LineError as error:
        raise TrainingFailed("invalid_training_file", str(error), param) from error
    except OSError as error:
        raise TrainingFailed("invalid_training_file", f"The file can't be read: {error.strerror}.", param) from error
    if not any(examples):
        raise TrainingFailed("invalid_training_file", "The file holds no example to train on.", param)
    return Source(examples=[example for example in examples if example], pieces=pieces)


def _size(answer: Answer) -> int:
    prompt = answer.prompt
    return len(answer.pieces) + sum(len(split(text)) for text in (prompt.rules, prompt.history, prompt.last))


def _answers(line: Line, method: Method, number: int) -> list[Answer]:
    if method == "dpo":
        return list(_preference(line, number))
    if line.messages is not None:
        return list(_chat(line, line.messages))
    if line.prompt is not None and line.completion is not None:
        return [_answer(prompt_of_completion(line.prompt), line.completion)]
    raise LineError(f"Line {number}: expected prompt/completion pairs or chat messages.")


def _chat(line: Line, messages: Sequence[Message]) -> Iterator[Answer]:
    tools = [*(line.tools or ()), *_as_tools(line.functions or ())]
    for index, message in enumerate(messages):
        if message.role == "assistant" and message.weight != 0:
            yield _answer(prompt_of(messages[:index], tools), answer_of(message))


def _preference(line: Line, number: int) -> Iterator[Answer]:
    if line.input is None or not line.preferred_output or not line.non_preferred_output:
        raise LineError(f"Line {number}: expected input, preferred_output and non_preferred_output.")
    prompt = prompt_of(line.input.messages, line.input.tools or ())
    for side in (line.preferred_output, line.non_preferred_output):
        yield _answer(prompt, "".join(answer_of(message) for message in side))


def _as_tools(functions: Iterable[FunctionDefinition]) -> Iterator[Tool]:
    return (Tool(function=function) for function in functions)


def _answer(prompt: Prompt, text: str) -> Answer:
    pieces = split(text)
    return Answer(prompt=prompt, pieces=pieces[:MAX_ANSWER_PIECES], ended=len(pieces) <= MAX_ANSWER_PIECES)


def vocabulary_for(source: Source, known: Vocabulary) -> Vocabulary:
    """Add the answers' pieces to the known ones: those not always copied or seen 3 times, at most 6,000."""
    seen: Counter[str] = Counter()
    needed: set[str] = set()
    for answer in (a for example in source.examples for a in example):
        used = set(answer.pieces)
        seen.update(sorted(used))
        needed |= used.difference(split(answer.prompt.last), split(answer.prompt.history))
    chosen = (piece for piece, count in seen.most_common() if piece in needed or count >= _OFTEN)
    fresh = [piece for piece in chosen if known.id_of(piece) is None]
    return known.extended(fresh[:MAX_NEW_PIECES])


def encode_all(source: Source, vocabulary: Vocabulary, hasher: Hasher) -> list[Example]:
    """Number every answer of a dataset."""
    return [
        [encode(build(a.prompt, hasher), a.pieces, vocabulary, hasher, ended=a.ended) for a in example]
        for example in source.examples
    ]
