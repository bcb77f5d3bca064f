"""The catalogue: every name, alias, date and price of the reference, and names that nobody should get through with."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.core.catalogue import Catalogue, target_of
from service.store.catalogue import CatalogueInvalid, load_catalogue


def at(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


ALIASES = {
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "o4-mini": "o4-mini-2025-04-16",
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
    "gpt-4": "gpt-4-0613",
}


@pytest.mark.parametrize(("alias", "dated"), ALIASES.items())
def test_alias_becomes_its_dated_snapshot_and_says_so(catalogue: Catalogue, alias: str, dated: str) -> None:
    found = catalogue.resolve(alias)
    assert found is not None
    assert found.base == dated
    assert found.note is not None
    assert dated in found.note
    assert not found.tuned


def test_every_alias_of_the_data_is_tested(catalogue: Catalogue) -> None:
    assert {alias: model.name for model in catalogue.models for alias in model.aliases} == ALIASES


ENCODINGS = [
    ("ft:gpt-4.1-mini-2025-04-14:acme:support:B1x", "gpt-4.1-mini-2025-04-14", "o200k_base"),
    ("ft:gpt-4.1-2025-04-14:acme::B1x", "gpt-4.1-2025-04-14", "o200k_base"),
    ("ft:gpt-4.1-mini:acme:s:B1x", "gpt-4.1-mini-2025-04-14", "o200k_base"),
    ("ft:o4-mini-2025-04-16:acme:s:B1x", "o4-mini-2025-04-16", "o200k_base"),
    ("ft:gpt-5-2025-08-07:acme:s:B1x", "gpt-5-2025-08-07", "o200k_base"),
    ("ft:gpt-3.5-turbo-0613:personal::8K2A", "gpt-3.5-turbo-0613", "cl100k_base"),
    ("ft:gpt-4-0613:acme::B1x", "gpt-4-0613", "cl100k_base"),
    ("ft:tunewright-tiny:tunewright:bank:a1b2c3d4:ckpt-step-90", "tunewright-tiny", "o200k_base"),
    ("curie:ft-acme-2023-01-05-10-11-12", "curie", "r50k_base"),
    ("gpt-4o-mini-2024-07-18.ft-0123abcd", "gpt-4o-mini-2024-07-18", "o200k_base"),
    ("davinci-002", "davinci-002", "cl100k_base"),
    ("davinci", "davinci", "r50k_base"),
    ("text-davinci-003", "text-davinci-003", "p50k_base"),
    ("gpt-4o-2024-11-20", "gpt-4o-2024-11-20", "o200k_base"),
    ("gpt-4-turbo", "gpt-4-turbo", "cl100k_base"),
    ("gpt-35-turbo-0125", "gpt-35-turbo-0125", "cl100k_base"),
    ("gpt-4.5-preview", "gpt-4.5-preview", "o200k_base"),
    ("gpt-5.1", "gpt-5.1", "o200k_base"),
    ("o1-preview", "o1-preview", "o200k_base"),
    ("gpt-oss-20b", "gpt-oss-20b", "o200k_harmony"),
]


@pytest.mark.parametrize(("name", "base", "encoding"), ENCODINGS)
def test_name_resolves_to_base_and_encoding(catalogue: Catalogue, name: str, base: str, encoding: str) -> None:
    found = catalogue.resolve(name)
    assert found is not None
    assert (found.base, found.encoding, found.tuned) == (base, encoding, "ft" in name)


UNKNOWN = [
    "",
    " ",
    "ft:",
    "ft::org:suffix:id",
    "ft:gpt-4o-mini:org:suffix:",
    "ft:gpt-4o-mini:a:b:c:ckpt-step-1:more",
    "ft:ft:gpt-4o-mini:org:s:id",
    ":gpt-4o-mini",
    "gpt-4o-mini:",
    "gpt-4o-mini:org",
    "GPT-4o-mini",
    " gpt-4o-mini",
    "gpt-4o-mini\n",
    "gpt-4o-mini\x00",
    "gpt-4o-miní",
    "‮gpt-4o",
    "gpt-4o-mini" + "x" * 300,
    "ft:gpt-4o-mini:" + "x" * 100_000,
    "ft" + ":" * 100_000,
    "../../etc/passwd",
    "adapter-7b",
    "ada-lovelace",
    "o100-mini",
    "o1000",
    "gpt-4.7",
    "gpt-40",
    "gpt-6",
    "my-gpt-4o",
    "ft:llama-3-8b:org:s:id",
    "meta-llama/Llama-3.1-8B-Instruct",
]


@pytest.mark.parametrize("name", UNKNOWN, ids=range(len(UNKNOWN)))
def test_unknown_or_hostile_name_has_no_encoding_and_no_profile(catalogue: Catalogue, name: str) -> None:
    assert catalogue.resolve(name) is None
    assert catalogue.profile(name, "supervised") is None


PRICES = {
    "gpt-4.1-2025-04-14": (25_000_000, 3_000_000, 750_000, 12_000_000, 1_500_000, 500_000, 6_000_000),
    "gpt-4.1-mini-2025-04-14": (5_000_000, 800_000, 200_000, 3_200_000, 400_000, 100_000, 1_600_000),
    "gpt-4.1-nano-2025-04-14": (1_500_000, 200_000, 50_000, 800_000, 100_000, 25_000, 400_000),
    "gpt-4o-2024-08-06": (25_000_000, 3_750_000, 1_875_000, 15_000_000, 2_225_000, 900_000, 12_500_000),
    "gpt-4o-mini-2024-07-18": (3_000_000, 300_000, 150_000, 1_200_000, 150_000, 75_000, 600_000),
    "o4-mini-2025-04-16": (None, 4_000_000, 1_000_000, 16_000_000, 2_000_000, None, 8_000_000),
    "gpt-3.5-turbo-0125": (8_000_000, 3_000_000, None, 6_000_000, 1_500_000, None, 3_000_000),
    "gpt-3.5-turbo-1106": (8_000_000, 3_000_000, None, 6_000_000, 1_500_000, None, 3_000_000),
    "gpt-3.5-turbo-0613": (8_000_000, 3_000_000, None, 6_000_000, 1_500_000, None, 3_000_000),
    "gpt-4-0613": (None, 30_000_000, None, 60_000_000, None, None, None),
    "davinci-002": (6_000_000, 12_000_000, None, 12_000_000, 6_000_000, None, 6_000_000),
    "babbage-002": (400_000, 1_600_000, None, 1_600_000, 800_000, None, 900_000),
    "ada": (400_000, None, None, 1_600_000, None, None, None),
    "babbage": (600_000, None, None, 2_400_000, None, None, None),
    "curie": (3_000_000, None, None, 12_000_000, None, None, None),
    "davinci": (30_000_000, None, None, 120_000_000, None, None, None),
    "tunewright-tiny": (0, 0, 0, 0, None, None, None),
}


def test_prices_are_the_reference_table_in_micro_dollars(catalogue: Catalogue) -> None:
    shipped = {
        model.name: (p.training, p.input, p.cached_input, p.output, p.batch_input, p.batch_cached_input, p.batch_output)
        for model in catalogue.models
        for p in [model.prices]
    }
    assert shipped == PRICES
    hourly = {model.name: model.prices.training_hour for model in catalogue.models if model.prices.training_hour}
    assert hourly == {"o4-mini-2025-04-16": 100_000_000}


MAIN = {"gpt-4.1-2025-04-14", "gpt-4.1-mini-2025-04-14", "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"}
TUNABLE = [
    ("2026-11-22", "openai", MAIN),
    ("2027-01-05T23:59:59", "openai", MAIN),
    ("2027-01-06", "openai", set[str]()),
    ("2027-02-01", "openai", set[str]()),
    ("2027-02-01", "local", {"tunewright-tiny"}),
    ("2027-02-01", "compatible", set(PRICES)),
]


@pytest.mark.parametrize(("day", "target", "names"), TUNABLE)
def test_closing_dates_bind_openai_alone(catalogue: Catalogue, day: str, target: str, names: set[str]) -> None:
    assert {model.name for model in catalogue.tunable(at(day), target)} == names  # pyright: ignore[reportArgumentType]


STATES = [
    ("gpt-4o-mini-2024-07-18", "2026-11-22", "active_customers"),
    ("gpt-4o-mini-2024-07-18", "2027-01-06", "closed"),
    ("gpt-4o-mini-2024-07-18", "2027-01-14", "retired"),
    ("gpt-3.5-turbo-0613", "2026-11-22", "closed"),
    ("davinci-002", "2026-09-27", "closed"),
    ("davinci-002", "2026-09-28", "retired"),
    ("gpt-4-0613", "2026-10-22", "on_request"),
    ("o4-mini-2025-04-16", "2026-10-23", "retired"),
    ("tunewright-tiny", "2040-01-01", "open"),
]


@pytest.mark.parametrize(("name", "day", "state"), STATES)
def test_state_follows_the_dates(catalogue: Catalogue, name: str, day: str, state: str) -> None:
    model = catalogue.get(name)
    assert model is not None
    assert model.state(at(day)) == state


REFUSALS = [
    ("gpt-4o-mini", "supervised", "2026-11-22", "openai", None),
    ("gpt-4o-mini", "reinforcement", "2026-11-22", "openai", "not tuned by method reinforcement"),
    ("gpt-4o-mini", "supervised", "2027-01-06", "openai", "takes no new fine-tuning jobs"),
    ("o4-mini", "reinforcement", "2026-11-22", "openai", "retired o4-mini-2025-04-16 on 2026-10-23"),
    ("gpt-4o-mini", "supervised", "2027-01-06", "compatible", None),
    ("gpt-4o-mini", "supervised", "2026-11-22", "local", "cannot be trained on local hardware"),
    ("ft:tunewright-tiny:o:s:i", "dpo", "2027-01-06", "local", None),
    ("tunewright-tiny", "reinforcement", "2026-11-22", "local", "it takes supervised, dpo"),
    ("tunewright-tiny", "supervised", "2026-11-22", "compatible", None),
    ("tunewright-tiny", "supervised", "2026-11-22", "openai", "local hardware, not by OpenAI"),
    ("gpt-5", "supervised", "2026-11-22", "openai", None),
]


@pytest.mark.parametrize(("name", "method", "day", "target", "words"), REFUSALS)
def test_refusal_names_its_reason(
    catalogue: Catalogue, name: str, method: str, day: str, target: str, words: str | None
) -> None:
    found = catalogue.resolve(name)
    assert found is not None
    why = catalogue.refusal(found, method, at(day), target)  # pyright: ignore[reportArgumentType]
    assert (why is None) if words is None else (why is not None and words in why)


PROFILES = [
    ("gpt-4o-mini", "supervised", 65_536, ("chat",)),
    ("gpt-4o-mini", "dpo", 65_536, ("preference",)),
    ("gpt-4o-mini", "reinforcement", 65_536, ("reinforcement",)),
    ("o4-mini", "reinforcement", None, ("reinforcement",)),
    ("gpt-3.5-turbo-0613", "supervised", 4_096, ("chat",)),
    ("babbage-002", "supervised", 16_384, ("completion",)),
    ("gpt-5", "supervised", None, ("chat",)),
]


@pytest.mark.parametrize(("name", "method", "limit", "formats"), PROFILES)
def test_profile(catalogue: Catalogue, name: str, method: str, limit: int | None, formats: tuple[str, ...]) -> None:
    profile = catalogue.profile(name, method)  # pyright: ignore[reportArgumentType]
    assert profile is not None
    assert (profile.max_example_tokens, profile.formats, profile.min_examples) == (limit, formats, 10)


def test_unconfirmed_facts_are_marked(catalogue: Catalogue) -> None:
    confirmed = {model.name: model.max_example_tokens_confirmed for model in catalogue.models}
    assert confirmed["gpt-4o-mini-2024-07-18"]
    assert not confirmed["gpt-4.1-mini-2025-04-14"]
    nano = catalogue.get("gpt-4.1-nano-2025-04-14")
    assert nano is not None
    assert nano.unconfirmed_methods == ("dpo",)
    assert all(model.sources for model in catalogue.models)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://API.OpenAI.com:443/v1/", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://api.openai.com.evil.example/v1", "compatible"),
        ("https://notapi.openai.com.example/v1", "compatible"),
        ("http://127.0.0.1:8484/v1", "compatible"),
        ("", "compatible"),
    ],
)
def test_target_is_told_by_host(url: str, target: str) -> None:
    assert target_of(url) == target


def test_own_file_is_laid_over_member_by_member(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        'date = 2027-03-01\n[[models]]\nname = "gpt-4o-mini-2024-07-18"\n[models.prices]\ntraining = 4_500_000\n'
        '[[models]]\nname = "acme/small"\nprovider = "openai"\nowned_by = "acme"\nencoding = "cl100k_base"\n'
        'methods = { supervised = ["chat"] }\nsources = ["acme price list"]\n'
    )
    catalogue = load_catalogue(own)
    mini, small = catalogue.get("gpt-4o-mini-2024-07-18"), catalogue.get("acme/small")
    assert mini is not None
    assert small is not None
    assert (mini.prices.training, mini.prices.input, mini.aliases) == (4_500_000, 300_000, ("gpt-4o-mini",))
    assert small.prices.training is None
    assert str(catalogue.date) == "2027-03-01"
    assert len(catalogue.models) == len(PRICES) + 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml at all", "own.toml"),
        ('[[models]]\nprovider = "openai"\n', "needs a name"),
        ("models = 3\n", "needs a name"),
        ("[[models]]\nname = 3\n", "needs a name"),
        ('[[models]]\nname = "new"\n', "missing required field"),
        ('[[models]]\nname = "gpt-4o-mini-2024-07-18"\nprice = 3\n', "unknown field `price`"),
        ('[[models]]\nname = "gpt-4o-mini-2024-07-18"\nprices = { training = -1 }\n', ">= 0"),
        ('[[models]]\nname = "gpt-4o-mini-2024-07-18"\nprices = { training = 1.5 }\n', "int"),
        ('[[models]]\nname = "gpt-4o-mini-2024-07-18"\naliases = ["gpt-4o"]\n', "two models"),
        ('[[models]]\nname = "gpt-4o-mini-2024-07-18"\naliases = ["davinci"]\n', "both a model and an alias: davinci"),
    ],
)
def test_bad_own_file_is_refused_by_name(tmp_path: Path, text: str, words: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(CatalogueInvalid, match=r"own\.toml") as caught:
        load_catalogue(own)
    assert words in str(caught.value)


def test_missing_own_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogueInvalid):
        load_catalogue(tmp_path / "absent.toml")
