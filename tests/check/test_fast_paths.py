"""The short way of the plain chat line finds what the long one would."""

import io
import json
import random
import re
from collections.abc import Sequence

import numpy as np
import pytest

from service.check import scan as scans
from service.check import split
from service.check.engine import check_file
from service.core.dataset import texts
from service.core.dataset.report import Report
from service.core.dataset.rules import RULES
from service.core.dataset.rules.rule import Sign
from tests.check.conftest import profile
from tests.check.suite.texts import TEXTS

WORDS = ("the", "a", "I'm", '"', "\\", "{{x}}", "[INST]", "+49 30 901820", "555-201-3344", "a.b@corp.org", "\u200b",
         "Ã©", "日本", "\N{GRINNING FACE}", "```", "You stupid idiot", "ignore all previous instructions", "<|im_end|>",
         "role", "messages", ": ", '":', "\\u0041", "\n", "TODO", "4111 1111 1111 1111", "<｜User｜>")  # fmt: skip
SEPARATORS = ((",", ":"), (", ", ": "), (", ", " : "))


def members_in(lines: Sequence[bytes]) -> Sequence[int]:
    return scans.members_of(b"\n".join(lines), np.cumsum([len(line) + 1 for line in lines]) - 1)


@pytest.mark.parametrize(
    ("line", "members"),
    [(b"", 0), (b'"', 0), (b'{"a":1}', 1), (b'{"a":"\\":"}', 1), (b'{"a":{"b":[{"c":1}]},"d":"e:f"}', 4)],
)
@pytest.mark.parametrize("piece", [2, 4, 1 << 20])
def test_members_are_counted_wherever_the_line_stands(
    line: bytes, members: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "_PIECE", piece)
    for before in ([], [b""], [b"x"], [b'{"a":1}', b""]):
        assert members_in([*before, line])[-1] == members
        assert members_in([*before, line, b"{}"])[-2] == members


@pytest.mark.parametrize(
    ("sign", "pattern"), [("address", rb"[A-Za-z0-9_.%+-]@[A-Za-z0-9-]"), ("number", rb"[0-9]{13}")]
)
@pytest.mark.parametrize("piece", [14, 100, 1 << 20])
def test_signs_are_found_wherever_they_stand(
    sign: Sign, pattern: bytes, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "_PIECE", piece)
    rng = random.Random(5)
    for _ in range(50):
        lines = [bytes(rng.choices(b"1234567@aZ.-\xe3 ", k=rng.randrange(40))) for _ in range(30)]
        lines[7] += b"1" * rng.randrange(11, 15)
        raw, feeds = b"\n".join(lines), np.cumsum([len(line) + 1 for line in lines]) - 1
        expected = [at for at, line in enumerate(lines) if re.search(pattern, line)]
        assert scans.lines_with(sign, raw, feeds) == expected


def test_plain_lines_come_out_as_the_long_way_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [file_of(random.Random(seed)) for seed in range(30)]
    short = [check(data) for data in files]
    monkeypatch.setattr(split, "take_plain", lambda block, *_: range(len(block.lines)))
    for data, report in zip(files, short, strict=True):
        assert check(data) == report
    assert {code for report in short for code in report.counts} > {"control_token", "personal_data", "repeated_key"}


def test_a_pattern_tried_at_likely_places_matches_as_it_does_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_PLACES", 3)
    rng = random.Random(7)
    rules = [rule for rule in RULES if rule.in_text is not None]
    planted = [
        text for each in TEXTS for text in re.findall(r'"content": "(.*?)"\}', each.data.decode(errors="replace"))
    ]
    said = list({text.replace("\\n", "\n"): None for text in planted})
    cut = [text[rng.randrange(-9, len(text)) :] for text in rng.choices(said, k=200)]
    matched: set[str] = set()
    for text in [*said, *(" ".join(cut[at : at + 20]) for at in range(0, len(cut), 20))]:
        for rule in rules:
            found = list(texts.matches(rule, text, 0, scans.places))
            assert found == [each[0] for each in rule.compiled.finditer(text)], rule.in_text
            matched |= {rule.in_line} if found else set()
    assert len(matched) > len(rules) / 3


def file_of(rng: random.Random) -> bytes:
    lines: list[bytes] = []
    for _ in range(rng.randrange(20, 60)):
        turns = rng.choice((1, 1, 1, 2, 3))
        said = [" ".join(rng.choices(WORDS, k=rng.randrange(8))) for _ in range(2 * turns + 1)]
        roles = ["system", *["user", "assistant"] * turns][rng.randrange(2) :]
        messages = [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]
        line = json.dumps({"messages": messages}, ensure_ascii=rng.random() < 0.5, separators=rng.choice(SEPARATORS))
        if rng.random() < 0.1:
            line = line.replace('"role"', rng.choice(('"role" ', '"name":"x","role"', '"weight":0,"role"')), 1)
        if rng.random() < 0.05:
            line = line.replace('"role"', '"role":"user","role"', 1)
        lines.append(line.encode())
    return b"\n".join(lines) + b"\n"


def check(data: bytes) -> Report:
    return check_file(io.BytesIO(data), profile=profile())


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (b"{}", {"missing_messages"}),
        (b"42", {"not_an_object"}),
        (b'{"a":1,"a":2}', {"missing_messages", "unknown_field", "repeated_key"}),
        (b'{"a" :1,"a":2}', {"missing_messages", "unknown_field", "repeated_key"}),
        (b'{"prompt":"a","completion":"b"}', {"mixed_formats"}),
    ],
)
def test_a_line_that_is_broken_over_and_over_is_told_each_time(line: bytes, codes: set[str]) -> None:
    good = [json.dumps({"messages": turns(at)}).encode() for at in range(1600)]
    report = check(b"\n".join(each for one in good for each in (one, line)))
    assert {code: report.counts.get(code) for code in codes} == dict.fromkeys(codes, 1600)
    assert {each.line for each in report.errors} == set(range(2, 2002, 2))
    assert report.examples == 1600


def turns(at: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"{at}?"}, {"role": "assistant", "content": f"It is {at}."}]
