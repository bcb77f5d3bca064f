"""Builders of datasets for the checker's tests."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from service.check.engine import check_file
from service.core.dataset.profile import CheckProfile
from service.core.dataset.report import Report

Check = Callable[..., Report]
FORMATS = {
    "supervised": ("chat",),
    "dpo": ("preference",),
    "reinforcement": ("reinforcement",),
    "legacy": ("completion",),
}


def profile(method: str = "supervised", *, limit: int | None = 65_536, encoding: str = "o200k_base") -> CheckProfile:
    return CheckProfile(
        model="gpt-4.1-mini-2025-04-14",
        method="supervised" if method == "legacy" else method,
        encoding=encoding,
        max_example_tokens=limit,
        min_examples=10,
        formats=FORMATS[method],
    )


def chat(at: int) -> dict[str, object]:
    return {
        "messages": [
            {"role": "system", "content": "Answer the question."},
            {"role": "user", "content": f"What is {at} plus {at}?"},
            {"role": "assistant", "content": f"It is {at + at}."},
        ]
    }


def preference(at: int) -> dict[str, object]:
    return {
        "input": {"messages": [{"role": "user", "content": f"Say {at}."}], "tools": [], "parallel_tool_calls": True},
        "preferred_output": [{"role": "assistant", "content": f"{at}!"}],
        "non_preferred_output": [{"role": "assistant", "content": f"Not {at}."}],
    }


def reinforcement(at: int) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": f"What is {at} times {at}?"}], "answer": str(at * at)}


def completion(at: int) -> dict[str, object]:
    return {"prompt": f"Q: {at}+1? ->", "completion": f" {at + 1}"}


GOOD = {"supervised": chat, "dpo": preference, "reinforcement": reinforcement, "legacy": completion}


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Write lines (text, bytes or objects) to a file and check it."""

    def run(lines: Sequence[object], method: str = "supervised", **options: object) -> Report:
        path = tmp_path / "data.jsonl"
        path.write_bytes(b"".join(encoded(line) + b"\n" for line in lines))
        limit = options.pop("limit", 65_536)
        encoding = options.pop("encoding", "o200k_base")
        return check_file(path, profile=profile(method, limit=limit, encoding=encoding), **options)  # type: ignore[arg-type]

    return run


def encoded(line: object) -> bytes:
    if isinstance(line, bytes):
        return line
    return line.encode() if isinstance(line, str) else json.dumps(line, ensure_ascii=False).encode()
