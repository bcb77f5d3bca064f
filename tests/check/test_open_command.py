"""`tunewright check --tokenizer`, and models that tunewright.toml declares: no server, no network."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.check import command
from service.cli.data.command import command as data
from service.cli.own_models import name_of
from service.store import tokenizers
from tests.check.conftest import GOOD, encoded
from tests.check.trained import CHATML, folder, reference

LINES = [GOOD["supervised"](at) for at in range(60)]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNEWRIGHT_CONFIG", raising=False)
    (tmp_path / "data.jsonl").write_bytes(b"".join(encoded(line) + b"\n" for line in LINES))
    return folder(tmp_path / "Qwen2.5-0.5B", "byte_level")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, ["data.jsonl", *map(str, arguments)])


def as_written() -> int:
    library = reference("byte_level")
    texts = [
        "".join(f"<|turn|>{each['role']}\n{each['content']}<|over|>\n" for each in line["messages"])  # type: ignore[index]
        for line in LINES
    ]
    return sum(len(library.encode(text, add_special_tokens=False).ids) for text in texts)


def test_a_folder_counts_with_its_template(place: Path) -> None:
    result = run("--tokenizer", place, "--format", "json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["model"], report["tokens"]["total"], report["over_limit"]) == ("Qwen2.5-0.5B", as_written(), None)
    assert report["tokens"]["encoding"].startswith("tokenizer:")
    assert report["checked_with"]["chat_layout"] == "the model's chat template"
    own = report["estimates"][0]
    assert (own["model"], own["usd"]) == ("Qwen2.5-0.5B", None)
    assert own["billable_tokens"] == as_written() * own["epochs"]
    assert "tokens in tokenizer:" in run("--tokenizer", place).output


@pytest.mark.parametrize("shape", ["text", "markdown", "html", "sarif"])
def test_every_format_shows_it(place: Path, shape: str) -> None:
    assert run("--tokenizer", place, "--format", shape).exit_code == 0


def test_a_file_alone_counts_with_an_estimate_of_the_chats_layout(place: Path) -> None:
    report = json.loads(run("--tokenizer", "Qwen2.5-0.5B/tokenizer.json", "--format", "json").stdout)
    assert report["model"] == "Qwen2.5-0.5B"
    assert report["checked_with"]["chat_layout"].startswith("estimated")


def test_models_of_the_file_are_known_and_can_be_given_another_tokenizer(place: Path, tmp_path: Path) -> None:
    (tmp_path / "tunewright.toml").write_text(
        '[models.mine]\ntokenizer = "Qwen2.5-0.5B"\nmax_example_tokens = 40\n[check]\nignore = ["few_examples"]\n'
    )
    declared = json.loads(run("--model", "mine", "--format", "json").stdout)
    assert (declared["model"], declared["tokens"]["total"]) == ("mine", as_written())
    assert declared["over_limit"] > 0
    other = folder(tmp_path / "other", "unigram", CHATML)
    again = json.loads(run("--model", "mine", "--tokenizer", other, "--format", "json").stdout)
    assert again["tokens"]["encoding"] != declared["tokens"]["encoding"]
    assert "Unigram" in again["checked_with"]["tokenizer"]


def test_data_commands_count_with_it_too(place: Path, tmp_path: Path) -> None:
    (tmp_path / "tunewright.toml").write_text('[models.mine]\ntokenizer = "Qwen2.5-0.5B"\n')
    cut = ["truncate", "data.jsonl", "--model", "mine", "--max-tokens", "40", "-o", "cut.jsonl"]
    result = CliRunner().invoke(data, cut)
    assert result.exit_code in (0, 1), result.output
    compared = CliRunner().invoke(data, ["diff", "data.jsonl", "cut.jsonl", "--model", "mine", "--format", "json"])
    assert compared.exit_code == 1
    assert (
        json.loads(compared.stdout)["before"]["tokens"]["max"]
        > 40
        >= json.loads(compared.stdout)["after"]["tokens"]["max"]
    )


def test_what_is_no_tokenizer_is_status_2_and_says_what_to_do(place: Path, tmp_path: Path) -> None:
    def refused(*arguments: object) -> str:
        result = run(*arguments)
        assert result.exit_code == 2
        assert "Traceback" not in result.output
        return " ".join(result.output.split())

    assert "does not exist" in refused("--tokenizer", "absent")
    (tmp_path / "empty").mkdir()
    assert "empty holds no tokenizer.json: write one with `save_pretrained`" in refused("--tokenizer", "empty")
    (tmp_path / "broken.json").write_text('{"model": {"vocab": 1}}')
    assert "does not read the model's tokenizer" in refused("--tokenizer", "broken.json")
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.truncate(1 << 30)
    assert "Is it the model itself?" in refused("--tokenizer", "model.safetensors")
    assert "both a model and an alias: gpt-4o" in refused("--tokenizer", place, "--model", "gpt-4o")
    (tmp_path / "tunewright.toml").write_text('[models.mine]\ntokenizer = "absent"\n')
    assert "[models.mine] tokenizer: There is no file" in refused("--model", "mine")
    assert run("--model", "gpt-4o").exit_code == 0  # what is declared for others is not looked at
    (tmp_path / "tunewright.toml").write_text("[models.mine]\n")
    assert "missing required field `tokenizer`" in refused()


def test_without_the_extra_it_is_said_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "find_spec", lambda _: None)
    result = run("--tokenizer", place)
    assert (result.exit_code, "pip install 'tunewright[open]'" in " ".join(result.output.split())) == (2, True)
    assert run().exit_code == 0


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("models/Qwen 2.5 (base)/tokenizer.json", "Qwen-2.5-base"),
        ("my-bpe.json", "my-bpe"),
        ("/", "own-model"),
        ("x.ft-y/tokenizer.json", "x-ft-y"),
        ("日本/tokenizer.json", "own-model"),
    ],
)
def test_a_model_is_called_as_its_folder_or_file(path: str, name: str) -> None:
    assert name_of(Path(path)) == name
    assert os.sep not in name
