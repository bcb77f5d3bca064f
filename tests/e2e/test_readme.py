"""The README's examples, run as they stand but for the port."""

import contextlib
import io
import json
import re
import subprocess

import pytest

from tests.e2e.stack import REPOSITORY, Stack

README = (REPOSITORY / "README.md").read_text("utf-8")
DATASETS = (REPOSITORY / "docs/datasets.md").read_text("utf-8")


def block(language: str, mark: str, document: str = README) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    return next(text for text in found if mark in text)


def at(stack: Stack, text: str) -> str:
    return text.replace("http://127.0.0.1:8484/v1", stack.base_url)


def test_the_sdk_example_tunes_a_model_that_answers(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    printed = io.StringIO()
    scope: dict = {}
    with contextlib.redirect_stdout(printed):
        exec(at(stack, block("python", "fine_tuning.jobs.create")), scope)
    scope["client"].close()
    assert printed.getvalue().strip() == "lost_or_stolen_card"


def test_the_curl_example_makes_a_report(stack: Stack) -> None:
    script = at(stack, block("sh", "curl"))
    ended = subprocess.run(["bash", "-euc", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert '"valid":true' in ended.stdout.replace(" ", ""), ended.stdout + ended.stderr


def test_the_derivation_example_makes_a_split(stack: Stack) -> None:
    script = at(stack, block("sh", "derive", DATASETS))
    ended = subprocess.run(["bash", "-euc", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    answers = [json.loads(answer) for answer in ended.stdout.replace("}{", "}\n{").splitlines()]
    assert [answer["object"] for answer in answers] == ["dataset", "dataset.diff"], ended.stdout + ended.stderr
    assert (answers[0]["status"], answers[0]["derivation"]["part"]) == ("ready", "training")
    assert answers[1]["lines"]["after"] == answers[0]["examples"] == 216
