"""`tunewright data`, as it is typed."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.main import cli
from tests.prepare.conftest import chat, file_of

Type = Callable[..., Result]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type a command in a folder with one dataset, `data.jsonl`."""
    monkeypatch.chdir(tmp_path)
    lines = [chat(f"What is {at} plus {at}, I wonder?", str(at)) for at in range(30)]
    Path("data.jsonl").write_bytes(file_of([*lines, lines[0], b"{broken"]))

    def typed(*words: str) -> Result:
        return CliRunner().invoke(cli, ["data", *words])

    return typed


def test_a_split_writes_both_sides_and_tells_of_them(typed: Type) -> None:
    done = typed("split", "data.jsonl", "--validation", "0.2", "--seed", "7", "-o", "train.jsonl")
    assert (done.exit_code, "train.validation.jsonl" in done.output) == (0, True), done.output
    lines = [Path(name).read_bytes().splitlines() for name in ("train.jsonl", "train.validation.jsonl")]
    assert sorted(lines[0] + lines[1]) == sorted(Path("data.jsonl").read_bytes().splitlines())
    typed("split", "data.jsonl", "--validation", "6", "-o", "a", "--validation-output", "b")
    assert Path("b").read_bytes().count(b"\n") == 6


@pytest.mark.parametrize(
    ("words", "status", "lines"),
    [
        (("dedupe", "data.jsonl"), 0, 31),
        (("dedupe", "data.jsonl", "--by", "near"), 0, 31),
        (("clean", "data.jsonl"), 1, 31),
        (("normalise", "data.jsonl", "--no-invisible"), 0, 32),
        (("redact", "data.jsonl", "--kind", "secret"), 0, 32),
        (("truncate", "data.jsonl", "--max-tokens", "16"), 0, 32),
        (("sample", "data.jsonl", "--count", "5"), 0, 5),
        (("sample", "data.jsonl", "--fraction", "0.5"), 0, 16),
        (("merge", "data.jsonl", "data.jsonl.copy"), 2, None),
        (("convert", "data.jsonl", "--to", "completion"), 1, 31),
        (("split", "data.jsonl", "--validation", "half"), 2, None),
        (("split", "data.jsonl", "--validation", "1000"), 2, None),
        (("sample", "data.jsonl"), 2, None),
        (("sample", "data.jsonl", "--count", "0"), 2, None),
        (("truncate", "data.jsonl", "--max-tokens", "1"), 2, None),
        (("dedupe", "data.jsonl", "--model", "no-such/model"), 2, None),
        (("convert", "data.jsonl", "--user", "{", "--assistant", "x"), 2, None),
        (("dedupe", "none.jsonl"), 2, None),
    ],
)
def test_exit_status_says_how_it_went(typed: Type, words: tuple[str, ...], status: int, lines: int | None) -> None:
    done = typed(*words, "-o", "out.jsonl")
    assert done.exit_code == status, done.output
    assert Path("out.jsonl").exists() == (lines is not None)
    if lines is not None:
        assert Path("out.jsonl").read_bytes().count(b"\n") == lines
    assert not [name for name in os.listdir() if name.endswith(".tmp")]


def test_nothing_is_overwritten_unless_it_is_wanted(typed: Type) -> None:
    Path("out.jsonl").write_text("mine")
    refused = typed("dedupe", "data.jsonl", "-o", "out.jsonl")
    assert (refused.exit_code, "--force" in refused.output) == (2, True)
    assert Path("out.jsonl").read_text() == "mine"
    assert typed("dedupe", "data.jsonl", "-o", "out.jsonl", "--force").exit_code == 0
    before = Path("data.jsonl").read_bytes()
    assert typed("dedupe", "data.jsonl", "-o", "data.jsonl", "--force").exit_code == 2
    assert typed("split", "data.jsonl", "--validation", "3", "-o", "x", "--validation-output", "x").exit_code == 2
    assert Path("data.jsonl").read_bytes() == before


def test_what_fails_leaves_the_old_output(typed: Type) -> None:
    Path("out.jsonl").write_text("old")
    assert typed("split", "data.jsonl", "--validation", "1000", "-o", "out.jsonl", "--force").exit_code == 2
    assert Path("out.jsonl").read_text() == "old"


def test_merge_and_diff_tell_what_is_new(typed: Type) -> None:
    lines = Path("data.jsonl").read_bytes().splitlines()
    changed = file_of([chat("What is 1 plus 1, I wonder?", "2")])
    Path("other.jsonl").write_bytes(b"\n".join([*lines[2:], changed, file_of([chat("New?")])]))
    same = typed("diff", "data.jsonl", "data.jsonl")
    assert (same.exit_code, "0 changed, 0 removed, 0 added" in same.output) == (0, True)
    done = typed("diff", "data.jsonl", "other.jsonl", "--format", "json")
    found = json.loads(done.output)
    assert (done.exit_code, found["same"]) == (1, 30)
    assert found["lines"] == {"before": 32, "after": 32, "added": 1, "removed": 1, "changed": 1}
    assert [(each["change"], each["line"]) for each in found["examples"]] == [
        ("removed", 31),
        ("changed", 2),
        ("added", 33),
    ]
    assert typed("merge", "data.jsonl", "other.jsonl", "-o", "both.jsonl").exit_code == 0
    assert Path("both.jsonl").read_bytes().count(b"\n") == 64


def test_several_operations_run_in_one_go(typed: Type) -> None:
    plan = [{"type": "clean"}, {"type": "merge", "datasets": ["more.jsonl"]}, {"type": "dedupe"}]
    Path("more.jsonl").write_bytes(file_of([chat("More?")]))
    Path("plan.json").write_text(json.dumps(plan))
    done = typed("run", "data.jsonl", "--operations", "plan.json", "-o", "out.jsonl", "--format", "json")
    assert done.exit_code == 1, done.output
    (diff,) = json.loads(done.output)
    assert [step["lines_out"] for step in diff["steps"]] == [31, 32, 31]
    assert diff["steps"][1]["lines"][0]["dataset"] == "more.jsonl"
    Path("plan.json").write_text('[{"type": "explode"}]')
    assert typed("run", "data.jsonl", "--operations", "plan.json", "-o", "x").exit_code == 2


def test_a_csv_file_becomes_a_dataset(typed: Type) -> None:
    Path("faq.csv").write_text('question;answer\n"a; b";c\n', encoding="utf-8-sig")
    template = ("--user", "{question}", "--assistant", "{answer}", "--system", "Be {question}")
    assert typed("convert", "faq.csv", *template, "-o", "faq.jsonl").exit_code == 0
    texts = [message["content"] for message in json.loads(Path("faq.jsonl").read_text())["messages"]]
    assert texts == ["Be a; b", "a; b", "c"]


def test_the_documents_example_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs/datasets.md").read_text("utf-8")
    script = re.search(r"^```sh\n(printf.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shown = re.search(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert script is not None
    assert shown is not None
    commands = script[1].replace("\\\n", "").splitlines()
    subprocess.run(["sh", "-c", commands[0]], check=True)
    said: list[str] = []
    for command in commands[1:]:
        words, fails, _ = command.partition(" || test $? = 1")
        done = CliRunner(env={"COLUMNS": "200"}).invoke(cli, shlex.split(words)[1:])
        assert done.exit_code == bool(fails), done.output
        said.append(done.output)
    printed = ["\n".join(line.rstrip() for line in output.splitlines()) for output in said]
    assert shown[1].strip() in printed[0]
    lines = [
        json.loads(line)
        for name in ("train.jsonl", "train.validation.jsonl")
        for line in Path(name).read_bytes().splitlines()
    ]
    assert len(lines) == 3
    assert "Write to [EMAIL_1]." in str(lines)
