"""Files made to hurt: bounded memory and time, the right finding, and the check goes on."""

import hashlib
import io
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.check import duplicates, rare
from service.check.engine import check_file
from service.check.reader import LINE_BYTES, TEXT_BYTES, LineReader
from service.core.dataset.codes import CODES
from tests.check.conftest import GOOD, encoded, profile

PLAIN = b"".join(encoded(GOOD["supervised"](at)) + b"\n" for at in range(60))
MEASURE = """
import sys
from pathlib import Path
from service.check.engine import check_file
from tests.check.conftest import profile
report = check_file(Path(sys.argv[1]), profile=profile())
print(report.counts, int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0]) // 1024)
"""


def counts(data: bytes) -> dict[str, int]:
    return check_file(io.BytesIO(data), profile=profile()).counts


@pytest.mark.parametrize("tail", [b"\n", b""])
def test_v1_a_line_over_the_limit_is_skipped_and_the_next_are_read(tail: bytes) -> None:
    report = check_file(
        io.BytesIO(PLAIN + b"x" * (LINE_BYTES + 5) + b"\n" + b"{\n" + PLAIN + b"y" * (LINE_BYTES + 1) + tail),
        profile=profile(),
    )
    assert [(each.code, each.line) for each in report.errors] == [
        ("line_too_long", 61),
        ("invalid_json", 62),
        ("line_too_long", 123),
    ]
    assert report.lines == 123


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("line", "times", "code"),
    [
        (b'{"messages": "' + b"a" * (300 << 20), 1, "line_too_long"),
        ("😀".encode() + b"a " * ((LINE_BYTES >> 1) - 9), 1, "line_too_long"),
        ("😀".encode() + b"a " * ((TEXT_BYTES >> 1) - 300), 1, "example_truncated"),
        (b"a " * ((LINE_BYTES >> 1) - 300), 1, "example_truncated"),
        (b"a " * ((LINE_BYTES >> 1) - 300), 12, "example_truncated"),
    ],
    ids=["endless", "long text", "longest text", "longest line", "many"],
)
def test_v1_memory_of_huge_lines(tmp_path: Path, line: bytes, times: int, code: str) -> None:
    path = tmp_path / "huge.jsonl"
    if code == "example_truncated":
        line = b'{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"' + line + b'"}]}'
    path.write_bytes(PLAIN + (line + b"\n") * times + PLAIN)
    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)
    assert code in done.stdout
    assert int(done.stdout.split()[-1]) < 350


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"[" * 200_000, "nesting_too_deep"),
        (b'{"a":' * 100_000, "nesting_too_deep"),
        (b'{"messages":' + b'[{"a":' * 50_000 + b"}]" * 50_000 + b"}", "nesting_too_deep"),
        (b'{"messages":[],"tools":' + b"[" * 990 + b"]" * 990 + b"}", None),
        (b'{"messages":[' + b"1," * 100_000 + b"1]}", "invalid_message"),
        (b'{"a\xed\xa0\x80":1}', "not_utf8"),
        (b'{"messages":[{"role":"user","content":"' + b"\\u0000" * 1000 + b'"}]}', "no_assistant_message"),
        (b'{"' + b"k" * 1_000_000 + b'":1}', "unknown_field"),
        (b"{" + b",".join(b'"%d":1' % n for n in range(50_000)) + b"}", "unknown_field"),
        (b'{"messages":1e999999}', "missing_messages"),
        (b"\x00" * 70_000, "invalid_json"),
    ],
)
def test_v1_hostile_line_in_a_good_file(line: bytes, code: str | None) -> None:
    begun = time.process_time()
    found = counts(PLAIN + line + b"\n" + PLAIN)
    assert code is None or code in found
    assert any(CODES[each].severity == "error" for each in found)
    assert time.process_time() - begun < 60


@pytest.mark.parametrize("blank", [" ", "\t", "\u3000", " \t", "\n", "\u00a0"])
def test_v5_a_million_blanks(blank: str) -> None:
    line = {
        "messages": [
            {"role": "user", "content": blank * (1_000_000 if blank.isascii() else 500_000)},
            {"role": "assistant", "content": "a" + blank * (1_000_000 if blank.isascii() else 500_000)},
        ]
    }
    assert "whitespace_run" in counts(PLAIN + encoded(line) + b"\n")


@pytest.mark.parametrize("unit", ["a", "-", "\\n-", "é", "あ", "😀", "'s", "ab1 ", "\\u0301"])
def test_v5_a_megabyte_of_one_thing_is_counted(unit: str) -> None:
    text = (unit * 1_000_000)[: 1_000_000 // len(unit) * len(unit)]
    line = f'{{"messages":[{{"role":"user","content":"x"}},{{"role":"assistant","content":"{text}"}}]}}\n'.encode()
    report = check_file(io.BytesIO(PLAIN + line), profile=profile())
    assert report.examples == 61
    assert report.error_count == 0


def test_v1_damaged_files_never_stop_the_check() -> None:
    rng = random.Random(7)
    for _ in range(320):
        data = bytearray(PLAIN[: rng.randrange(200, len(PLAIN))])
        for _ in range(rng.randrange(1, 30)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(4)] = rng.choice(
                (b"", b"\0", b"\xff", b"{", b'"', b"\\", b"\n", b"[[", b":", b"null", b"\\ud800")
            )
        report = check_file(io.BytesIO(bytes(data)), profile=profile())
        assert report.lines >= 1
        assert report.bytes == len(data)


def test_blocks_join_to_the_same_lines_however_the_stream_comes() -> None:
    class Dribble(io.RawIOBase):
        def __init__(self) -> None:
            self.rng, self.rest = random.Random(3), PLAIN

        def read(self, size: int = -1) -> bytes:
            piece = self.rest[: self.rng.randrange(1, 300)]
            self.rest = self.rest[len(piece) :]
            return piece

    reader = LineReader(Dribble())  # type: ignore[arg-type]
    lines = [line for block in reader for line in block.raw.split(b"\n")]
    assert reader.sha256 == hashlib.sha256(PLAIN).hexdigest()
    assert lines == PLAIN.splitlines()
    assert reader.lines == 60


def test_index_finds_the_same_after_it_spilt_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    data = PLAIN * 5
    held = check_file(io.BytesIO(data), profile=profile())
    monkeypatch.setattr(duplicates, "_HELD_BYTES", 32 * 7)
    assert check_file(io.BytesIO(data), profile=profile()) == held
    assert held.counts == {"duplicate_example": 240}


def test_what_counts_only_where_it_is_rare_is_not_held_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    line = (
        b'{"messages":[{"role":"user","content":"What?"},{"role":"assistant","content":"It is <b>4</b>&nbsp;%d."}]}\n'
    )
    data = b"".join(line % n for n in range(3)) + PLAIN * 3
    assert counts(data)["html_remains"] == 3
    monkeypatch.setattr(rare, "_HELD", 2)
    assert "html_remains" not in counts(data)


@pytest.mark.parametrize(
    "value", ["9" * 5000, "-1e999999", '"\\ud800"', "[" * 600 + "]" * 600, "[" * 9000 + "]" * 9000]
)
def test_members_of_items_that_hardly_can_be_read(value: str) -> None:
    item = '{"messages":[{"role":"user","content":"What is %d?"}],"answer":%s}\n'
    lines = [item % (at, f'"{at}"') for at in range(60)]
    lines[30] = item % (30, value)
    report = check_file(io.BytesIO("".join(lines).encode()), profile=profile("reinforcement"))
    assert {each.line for each in report.errors + report.warnings} == {31}
