"""Runs operations over lines as the worker and the command do, and checks what comes out."""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from service.check.engine import check_file
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import Report
from service.core.prepare.diff import Diff
from service.core.prepare.operations import Operation, check_operations
from service.prepare.pipeline import prepare
from service.prepare.run import Preparation

Op = dict[str, Any]
_FORMS = ("chat", "preference", "reinforcement", "completion")


def profile(model: str = "any") -> CheckProfile:
    return CheckProfile(
        model=model,
        method="supervised",
        encoding="o200k_base",
        max_example_tokens=65_536,
        min_examples=0,
        formats=_FORMS,
    )


class Made(NamedTuple):
    """What came out: lines and diff of each output."""

    outputs: tuple[list[bytes], ...]
    diffs: tuple[Diff, ...]

    @property
    def lines(self) -> list[bytes]:
        return self.outputs[0]

    @property
    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.outputs[0]]

    @property
    def codes(self) -> dict[str, int]:
        return self.diffs[0].steps[0].codes


Run = Callable[..., Made]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepare")


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    """Run operations over lines (objects, texts or bytes), or over a file's bytes as they are."""

    def run(lines: Sequence[object] | bytes, *operations: Op, others: Sequence[Sequence[object]] = ()) -> Made:
        source = folder / "source"
        source.write_bytes(lines if isinstance(lines, bytes) else file_of(lines))
        merged: dict[str, Path] = {}
        for at, other in enumerate(others):
            merged[f"other-{at}"] = folder / f"other-{at}"
            merged[f"other-{at}"].write_bytes(file_of(other))
        read = msgspec.json.decode(json.dumps(operations), type=tuple[Operation, ...])
        check_operations(read)
        what = Preparation(source, read, merged, profile, "any", "supervised", 1 << 30)
        outputs = [io.BytesIO() for _ in what.parts]
        diffs = prepare(what, outputs)
        return Made(tuple(output.getvalue().splitlines() for output in outputs), diffs)

    return run


@pytest.fixture(scope="module")
def check(folder: Path) -> Callable[..., Report]:
    """Check lines, with a validation split if one is given."""

    def check(lines: Sequence[object], validation: Sequence[object] | None = None) -> Report:
        paths = [folder / "checked", folder / "checked-validation"]
        for path, held in zip(paths, (lines, validation), strict=True):
            path.write_bytes(file_of(held or ()))
        return check_file(paths[0], profile=profile(), validation=None if validation is None else paths[1])

    return check


def file_of(lines: Sequence[object]) -> bytes:
    return b"".join(encoded(line) + b"\n" for line in lines)


def encoded(line: object) -> bytes:
    if isinstance(line, bytes):
        return line
    return line.encode() if isinstance(line, str) else json.dumps(line, ensure_ascii=False).encode()


def chat(question: str, answer: str = "yes", system: str | None = None) -> dict[str, Any]:
    head = [{"role": "system", "content": system}] if system else []
    return {
        "messages": [*head, {"role": "user", "content": question}, {"role": "assistant", "content": answer}],
    }


def pair(question: str, good: str = "good", bad: str = "bad") -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": good}],
        "non_preferred_output": [{"role": "assistant", "content": bad}],
    }
