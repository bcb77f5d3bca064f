"""Where the operator's tokenizers are looked for: what is refused says what to do; and how models are declared."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.core.catalogue import OwnModel
from service.runtime import catalogue_of
from service.settings import ConfigurationError, Settings, load, load_models
from service.store import tokenizers
from service.store.catalogue import CatalogueInvalid, load_catalogue
from service.store.tokenizers import TokenizerInvalid, find_tokenizer
from tests.check.trained import CHATML, folder

NOW = 1_795_000_000.0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return folder(tmp_path / "qwen", "byte_level")


def test_a_folder_brings_its_template_and_a_file_alone_does_not(place: Path) -> None:
    whole, alone = find_tokenizer(place), find_tokenizer(place / "tokenizer.json")
    assert whole.template is not None
    assert whole.template.source == CHATML
    assert dict(whole.template.tokens) == {"bos_token": "<s>", "eos_token": "</s>"}
    assert alone.template is None
    assert (whole.file, whole.sha256) == (alone.file, alone.sha256)
    assert whole.name != alone.name


def template_of(place: Path) -> str | None:
    template = find_tokenizer(place).template
    return template.source if template else None


def test_a_template_of_its_own_file_wins_and_one_of_several_is_the_default(place: Path) -> None:
    config = place / "tokenizer_config.json"
    config.write_text(
        json.dumps({"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "y"}]})
    )
    assert template_of(place) == "y"
    (place / "chat_template.jinja").write_text("z")
    assert template_of(place) == "z"
    config.unlink()
    (place / "chat_template.jinja").unlink()
    assert find_tokenizer(place).template is None


def _is_gone(place: Path) -> Path:
    return place / "absent.json"


def _has_none(place: Path) -> Path:
    (place / "tokenizer.json").unlink()
    return place


def _is_broken(place: Path) -> Path:
    (place / "tokenizer.json").write_text("{")
    return place


def _is_binary(place: Path) -> Path:
    (place / "tokenizer.model").write_bytes(b"\n\x0e\n\x05<unk>\x15\0\0\0\0\xff" * 9)
    return place / "tokenizer.model"


def _is_something_else(place: Path) -> Path:
    return place / "tokenizer_config.json"


def _is_deep(place: Path) -> Path:
    (place / "tokenizer.json").write_text('{"model": ' + '{"a":' * 100_000)
    return place


def _is_huge(place: Path) -> Path:
    with (place / "tokenizer.json").open("r+b") as stream:
        stream.truncate(1 << 30)
    return place


def _is_a_pipe(place: Path) -> Path:
    os.mkfifo(place / "pipe.json")
    return place / "pipe.json"


def _is_a_folder_within(place: Path) -> Path:
    (place / "deeper/tokenizer.json").mkdir(parents=True)
    return place / "deeper"


def _has_a_broken_config(place: Path) -> Path:
    (place / "tokenizer_config.json").write_text("[1")
    return place


def _has_a_binary_template(place: Path) -> Path:
    (place / "chat_template.jinja").write_bytes(b"\xff\xfe")
    return place


def _has_a_huge_template(place: Path) -> Path:
    with (place / "chat_template.jinja").open("wb") as stream:
        stream.truncate(1 << 30)
    return place


def _has_a_long_name(place: Path) -> Path:
    return place / ("x" * 5000)


def _has_a_null(place: Path) -> Path:
    return place / "a\0b"


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        (_is_gone, "There is no file .*absent.json: write one with `save_pretrained`"),
        (_has_none, "holds no tokenizer.json: write one with `save_pretrained`"),
        (_is_broken, "is no tokenizer.json"),
        (_is_binary, "tokenizer.model is no tokenizer.json .*save_pretrained"),
        (_is_something_else, "missing required field `model`"),
        (_is_deep, "is no tokenizer.json"),
        (_is_huge, "has 1,073,741,824 bytes; none has more than .*Is it the model itself"),
        (_is_a_pipe, "is no file"),
        (_is_a_folder_within, "is no file"),
        (_has_a_broken_config, "tokenizer_config.json can't be read .*mend it, or name .*tokenizer.json alone"),
        (_has_a_binary_template, "chat_template.jinja is not UTF-8"),
        (_has_a_huge_template, "chat_template.jinja has 1,073,741,824 bytes"),
        (_has_a_long_name, "can't be read"),
        (_has_a_null, "There is no file"),
    ],
)
def test_what_is_no_tokenizer_says_what_to_do(place: Path, spoilt: object, words: str) -> None:
    path = spoilt(place)  # type: ignore[operator]
    with pytest.raises(TokenizerInvalid, match=words):
        find_tokenizer(path)
    with pytest.raises(ConfigurationError, match=r"\[models.mine\] tokenizer: "):
        catalogue_of(Settings(models={"mine": OwnModel(tokenizer=str(path))}))


def test_without_the_extra_it_is_said_what_to_install(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizers, "find_spec", lambda _: None)
    with pytest.raises(TokenizerInvalid, match=r"pip install 'tunewright\[open\]'"):
        find_tokenizer(place)


def test_a_declared_model_is_one_of_the_catalogue(place: Path) -> None:
    own = OwnModel(tokenizer=str(place), max_example_tokens=2048, methods={"supervised": ("chat",)})
    catalogue = load_catalogue(None, {"qwen2.5-0.5b": own, "Qwen/Qwen2.5-7B": OwnModel(tokenizer=str(place))})
    profile = catalogue.profile("ft:qwen2.5-0.5b:org::x1", "supervised")
    assert profile is not None
    assert (profile.model, profile.max_example_tokens, profile.formats) == ("qwen2.5-0.5b", 2048, ("chat",))
    assert profile.tokenizer == find_tokenizer(place)
    assert profile.encoding == find_tokenizer(place).name
    larger = catalogue.profile("Qwen/Qwen2.5-7B", "dpo")
    assert larger is not None
    assert (larger.encoding, larger.max_example_tokens, larger.formats) == (profile.encoding, None, ("preference",))
    shipped = catalogue.profile("gpt-4o", "supervised")
    assert shipped is not None
    assert shipped.tokenizer is None
    assert [model.name for model in catalogue.models if catalogue.is_own(model)] == ["qwen2.5-0.5b", "Qwen/Qwen2.5-7B"]


def test_no_engine_trains_a_declared_model(place: Path) -> None:
    catalogue = load_catalogue(None, {"mine": OwnModel(tokenizer=str(place))})
    found = catalogue.resolve("mine")
    assert found is not None
    assert catalogue.refusal(found, "supervised", NOW, "local") == (
        "No engine here trains mine yet: it can be checked and estimated."
    )
    assert "mine" not in {model.name for model in catalogue.tunable(NOW, "local")}
    assert "tunewright-tiny" in {model.name for model in catalogue.tunable(NOW, "local")}


def test_the_edition_changes_with_what_is_said_of_the_model(place: Path, tmp_path: Path) -> None:
    def edition(**said: object) -> str:
        own = OwnModel(**{"tokenizer": str(place), **said})  # type: ignore[arg-type]
        return load_catalogue(None, {"mine": own}).edition("mine")

    first = edition()
    assert len({first, edition(max_example_tokens=9), edition(methods={"dpo": ("preference",)})}) == 3
    assert edition(tokenizer=str(folder(tmp_path / "copy", "byte_level"))) == first
    assert edition(tokenizer=str(folder(tmp_path / "other", "unigram"))) != first
    assert load_catalogue(None, {"mine": OwnModel(tokenizer=str(place))}).edition("gpt-4o") == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpt-4o-mini-2024-07-18", "two models of one name or alias: gpt-4o-mini-2024-07-18"),
        ("gpt-4o", "both a model and an alias: gpt-4o"),
        ("ft:mine:org::x", "letters, digits"),
        ("../mine", "letters, digits"),
        ("a b", "letters, digits"),
        ("mine.ft-1", "letters, digits"),
        ("", "letters, digits"),
    ],
)
def test_names_that_mean_something_else_are_refused(place: Path, name: str, words: str) -> None:
    with pytest.raises(CatalogueInvalid, match=words):
        load_catalogue(None, {name: OwnModel(tokenizer=str(place))})


def test_the_file_declares_models_and_their_tokenizers_lie_beside_it(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = place.parent / "tunewright.toml"
    file.write_text(
        '[models."qwen2.5-0.5b"]\nprovider = "local"\ntokenizer = "qwen"\nmax_example_tokens = 512\n'
        'methods = { supervised = ["chat"] }\n[check]\nignore = ["few_examples"]\n'
    )
    expected = {
        "qwen2.5-0.5b": OwnModel(tokenizer=str(place), max_example_tokens=512, methods={"supervised": ("chat",)})
    }
    assert load(file, environ={}).models == load_models({"TUNEWRIGHT_CONFIG": str(file)}) == expected
    monkeypatch.chdir(place)
    assert load_models({}) == {}
    monkeypatch.chdir(place.parent)
    assert load_models({}) == load(environ={}).models == expected
    assert catalogue_of(load(environ={})).resolve("qwen2.5-0.5b") is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[models.mine]\n", "missing required field `tokenizer`"),
        ('[models.mine]\ntokenizer = "x"\nprice = 3\n', "unknown field `price`"),
        ('[models.mine]\ntokenizer = "x"\nprovider = "openai"\n', "provider"),
        ('[models.mine]\ntokenizer = "x"\nmax_example_tokens = 0\n', ">= 1"),
        ('[models.mine]\ntokenizer = "x"\nmethods = { magic = ["chat"] }\n', "magic"),
        ("models = 3\n", "object"),
    ],
)
def test_a_table_that_is_wrong_names_its_member(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "tunewright.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        load(file, environ={})
    with pytest.raises(ConfigurationError, match=words):
        load_models({"TUNEWRIGHT_CONFIG": str(file)})


def test_no_variable_declares_models() -> None:
    with pytest.raises(ConfigurationError, match="TUNEWRIGHT_MODELS is no setting"):
        load(environ={"TUNEWRIGHT_MODELS": "mine"})


def test_up_does_not_start_with_a_model_that_can_not_be_counted(tmp_path: Path) -> None:
    file = tmp_path / "tunewright.toml"
    file.write_text('[models.mine]\ntokenizer = "absent"\n')
    asked = [sys.executable, "-m", "service.cli.main", "up", "--config", file, "--data-dir", tmp_path / "data"]
    ended = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "[models.mine] tokenizer: There is no file" in ended.stderr
    assert not (tmp_path / "data").exists()
