"""What `tunewright up` hands to its children."""

from pathlib import Path

import msgspec
import pytest

from service.settings import Settings, child_environment, load


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"host": "0.0.0.0", "port": 9, "workers": 3, "redis_unchecked": True, "blob_grace_s": 0.5},
        {
            "webhook_allow": ("10.0.0.0/8", "hooks.example"),
            "catalogue": Path("/etc/models.toml"),
            "redis_url": "redis://h",
        },
    ],
)
def test_a_child_loads_the_settings_of_its_parent(changes, tmp_path):
    settings = msgspec.structs.replace(load(), data_dir=tmp_path / "data", **changes)
    assert load(environ=child_environment(settings)) == settings


def test_a_parents_variable_does_not_win_over_its_option(monkeypatch):
    monkeypatch.setenv("TUNEWRIGHT_REDIS_URL", "redis://from-the-environment")
    assert "TUNEWRIGHT_REDIS_URL" not in child_environment(Settings())


def test_providers_travel_by_the_file(tmp_path):
    file = tmp_path / "other.toml"
    file.write_text('[providers.mine]\nbase_url = "http://127.0.0.1:9/v1"\n')
    settings = load(file)
    assert load(environ=child_environment(settings, file)).providers == settings.providers


def test_redis_url_without_prefix_is_the_fallback():
    assert load(environ={"REDIS_URL": "redis://plain"}).redis_url == "redis://plain"
    both = {"REDIS_URL": "redis://plain", "TUNEWRIGHT_REDIS_URL": "redis://ours"}
    assert load(environ=both).redis_url == "redis://ours"
