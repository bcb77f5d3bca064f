"""Documents don't lie: what they name exists, and what they repeat of the code is what the code says."""

import ast
import json
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from docs import generate
from service.cli.main import cli
from service.core import clock, signatures
from service.settings import Settings, load
from workers.__main__ import NAMES

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", ROOT / "examples/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
by_name = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)


def commands(document: Path) -> list[str]:
    """Return shell lines and inline code: everything that a reader may type."""
    shell = [line.partition(" #")[0].strip() for block in blocks(document, "sh") for line in block.splitlines()]
    return [*shell, *re.findall(r"(?<!`)`([^`\n]+)`(?!`)", document.read_text())]


@pytest.mark.parametrize("mark", generate.PARTS)
def test_what_is_generated_has_not_drifted(mark):
    path, text, right = generate.written(mark)
    assert text == right, f"{path.name} has drifted. Mend it: make docs"


def test_the_readme_is_short():
    assert len(README.read_text().split()) < 700


@by_name
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not target.startswith("https://"):
            assert (document.parent / target).exists(), target


@by_name
def test_make_targets_exist(document):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in commands(document):
        if command.startswith("make "):
            assert command.split()[1] in targets, command


@by_name
def test_subcommands_and_their_options_exist(document):
    for command in commands(document):
        words = shlex.split(command.replace("[", "").replace("]", "")) if "tunewright " in command else []
        if "tunewright" in words:
            last = len(words) - 1 - words[::-1].index("tunewright")  # kubectl has a namespace of that name
            known_command(words[last + 1 :])


def known_command(words: list[str]) -> None:
    found: click.Command = cli
    for word in words:
        context = click.Context(found)
        if word.startswith("--"):
            assert any(word in option.opts for option in found.params), f"{word} of {words}"
        elif isinstance(found, click.Group) and found.get_command(context, word):
            found = found.get_command(context, word)
    assert found is not cli or words[0].startswith("-"), words


@by_name
def test_commands_of_one_block_use_one_data_folder(document):
    for block in blocks(document, "sh"):
        lines = [shlex.split(line, comments=True) for line in block.splitlines() if line.startswith("tunewright ")]
        folders = {line[line.index("--data-dir") + 1] if "--data-dir" in line else None for line in lines}
        assert len(folders) <= 1, block


@by_name
def test_modules_that_are_run_exist(document):
    for module, rest in re.findall(r"python -m ([\w.]+)(?: (\w+))?", document.read_text()):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
        assert module != "workers" or rest in NAMES


@by_name
def test_variables_are_settings(document):
    known = {f"TUNEWRIGHT_{name.upper()}" for name in Settings.__struct_fields__} | {
        "TUNEWRIGHT_NAME",
        "TUNEWRIGHT_CONFIG",
    }
    assert set(re.findall(r"TUNEWRIGHT_[A-Z_]+", document.read_text())) <= known


@by_name
def test_routes_exist(document):
    known = json.loads((ROOT / "openapi/openapi.json").read_text())["paths"]
    forms = [re.compile(re.sub(r"\{\w+\}", r"[^/]+", path) + r"\Z") for path in known]
    for path in re.findall(r"(?:127\.0\.0\.1:8484|`)(/(?:v1/|health/|metrics)[^\s\"`?]*)", document.read_text()):
        assert any(form.match(path) for form in forms), path


@by_name
def test_python_examples_compile(document):
    for block in blocks(document, "python"):
        ast.parse(block)


def test_files_named_in_code_marks_exist():
    for name in re.findall(r"`((?:service|workers|k8s|docs|examples|openapi)/[\w/.-]+)`", README.read_text()):
        assert (ROOT / name).exists(), name
    for document in (ROOT / "docs").rglob("*.md"):
        for name in re.findall(r"`((?:service|workers|k8s)/[\w/.-]+)`", document.read_text()):
            assert (ROOT / name).exists(), f"{document.name}: {name}"


def test_the_readmes_configuration_is_read(tmp_path):
    (block,) = blocks(README, "toml")
    file = tmp_path / "tunewright.toml"
    file.write_text(block)
    assert load(file, environ={"AZURE_OPENAI_API_KEY": "k"}).providers["azure"].api_key == "k"


def test_the_readmes_webhook_example_verifies_a_delivery():
    import openai

    example = next(block for block in blocks(README, "python") if "unwrap" in block)
    with openai.OpenAI(base_url="http://127.0.0.1:1/v1", api_key="x") as client:
        scope: dict = {"client": client}
        exec(example, scope)
        secret = signatures.make_secret()
        body = json.dumps(
            {
                "id": "evt_1",
                "object": "event",
                "created_at": 1,
                "type": "fine_tuning.job.succeeded",
                "data": {"id": "ftjob-1"},
            }
        ).encode()
        headers = signatures.headers([secret], "evt_1", clock.now(), body)
        assert scope["receive"](body, headers, secret) == "fine_tuning.job.succeeded: ftjob-1"
        with pytest.raises(openai.InvalidWebhookSignatureError):
            scope["receive"](body + b" ", headers, secret)


PROMISES = ROOT / "docs/promises.md"
LINKED = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/.]+)\)", PROMISES.read_text())
ROWS = {"A": 8, "V": 6, "U": 3, "C": 6, "P": 5, "W": 6, "R": 7, "M": 2}
"""The failure modes of reference/reliability.md §3, and V6, which came later: letter of the step → how many."""


@pytest.mark.parametrize(("name", "file"), sorted(set(LINKED)))
def test_every_promise_links_to_a_test_that_exists(name, file):
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_failure_mode_has_its_promise_and_tests():
    rows = dict(re.findall(r"^\| ([A-Z]\d) \|(.*)$", PROMISES.read_text(), re.MULTILINE))
    assert set(rows) == {f"{step}{number}" for step, count in ROWS.items() for number in range(1, count + 1)}
    assert not [row for row, text in rows.items() if "](../tests/" not in text]
    assert len(LINKED) > 50


def test_no_test_of_a_failure_mode_is_of_an_unknown_one():
    for path in (ROOT / "tests").rglob("test_*.py"):
        for row in re.findall(r"def test_([avucpwrm]\d)_", path.read_text()):
            assert int(row[1]) <= ROWS[row[0].upper()], f"{path.name}: {row}"


def test_ci_runs_the_readmes_command():
    assert "make check" in (ROOT / ".ci/run").read_text().splitlines()
    assert "`make check`" in README.read_text()


def test_hooks_call_what_the_makefile_calls():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    makefile = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    for hook in hooks:
        assert re.search(r"\.venv/bin/[\w-]+", hook["entry"])[0] in makefile


def test_the_changelog_keeps_its_form():
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## \[Unreleased\]$", text, re.MULTILINE)
    kinds = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_decisions_are_numbered_without_gaps():
    names = sorted(path.name for path in (ROOT / "docs/adr").glob("*.md"))
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    for name in names:
        text = (ROOT / "docs/adr" / name).read_text()
        assert text.startswith(f"# {int(name[:4])}. ")
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences"))
