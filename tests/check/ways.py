"""Files of chat lines, and the ways to check them: with the compiled part, without it in some modules or in all."""

import io
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from service.check import engine, fingerprints, reader, search, tokens
from service.check.engine import check_file
from service.core.dataset.report import Report
from tests.check.conftest import profile

WORDS = ("the", "a", "I'm", '"', "\\", "{{x}}", "[INST]", "+49 30 901820", "555-201-3344", "a.b@corp.org", "\u200b",
         "Ã©", "日本", "\N{GRINNING FACE}", "```", "You stupid idiot", "ignore all previous instructions", "<|im_end|>",
         "role", "messages", ": ", '":', "\\u0041", "\n", "TODO", "4111 1111 1111 1111", "<｜User｜>", "\u3000",
         "ha " * 20, "よし！" * 15)  # fmt: skip
SEPARATORS = ((",", ":"), (", ", ": "), (", ", " : "), (" ,\t", ":"))


@contextmanager
def in_python(*modules: Any) -> Iterator[None]:
    """Let some modules do without their compiled part."""
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.setattr(module, "native", None)
        yield


def without_compiler() -> Any:
    return in_python(engine, fingerprints, reader, search, tokens)


def check(data: bytes, method: str = "supervised", validation: bytes | None = None) -> Report:
    other = None if validation is None else io.BytesIO(validation)
    report = check_file(io.BytesIO(data), profile=profile(method), validation=other)
    return msgspec.structs.replace(report, checked_with=report.checked_with | {"accelerator": None})


def file_of(rng: random.Random) -> bytes:
    lines: list[bytes] = []
    for _ in range(rng.randrange(20, 60)):
        turns = rng.choice((1, 1, 1, 2, 3))
        said = [" ".join(rng.choices(WORDS, k=rng.randrange(8))) for _ in range(2 * turns + 1)]
        roles = ["system", *["user", "assistant"] * turns][rng.randrange(2) :]
        messages: list[dict[str, Any]] = []
        for role, text in zip(roles, said, strict=False):
            message: dict[str, Any] = {"role": role, "content": text}
            if role == "assistant" and rng.random() < 0.2:
                message["weight"] = rng.choice((0, 1, 1))
            messages.append(dict(rng.sample([*message.items()], len(message))))
        line = json.dumps({"messages": messages}, ensure_ascii=rng.random() < 0.5, separators=rng.choice(SEPARATORS))
        if rng.random() < 0.1:
            line = line.replace('"role"', rng.choice(('"role" ', '"name":"x","role"', '"weight":0,"role"')), 1)
        if rng.random() < 0.05:
            line = line.replace('"role"', '"role":"user","role"', 1)
        lines += [line.encode()] * rng.choice((1, 1, 1, 1, 1, 1, 2))
    return b"\n".join(lines) + b"\n"
