"""What `load` refuses, each with a message that names the setting: a silent misconfiguration costs hours."""

import pytest

from service.settings import ConfigurationError, load


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "10.0.0", "fd00::/129", "a b", "hooks.example/path", "http://x", ""])
def test_what_is_no_range_or_name_is_refused_in_webhook_allow(entry, tmp_path):
    file = tmp_path / "tunewright.toml"
    file.write_text(f"webhook_allow = [{entry!r}]")
    with pytest.raises(ConfigurationError, match=r"webhook_allow: .* neither a CIDR range"):
        load(environ={})


def test_ranges_and_names_are_taken_with_blanks_between():
    given = "10.0.0.0/8, fd00::/8 ,127.0.0.1,::1,Hooks.Example,"
    expected = ("10.0.0.0/8", "fd00::/8", "127.0.0.1", "::1", "Hooks.Example")
    assert load(environ={"TUNEWRIGHT_WEBHOOK_ALLOW": given}).webhook_allow == expected


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("TUNEWRIGHT_PROT", "Did you mean TUNEWRIGHT_PORT"),
        ("TUNEWRIGHT_ZZZ", "settings.md"),
        ("TUNEWRIGHT_PROVIDERS", ""),
    ],
)
def test_an_unknown_variable_is_refused(variable, hint):
    with pytest.raises(ConfigurationError, match=f"{variable} is no setting. .*{hint}"):
        load(environ={variable: "1"})


def test_the_variable_that_names_the_file_is_known(tmp_path):
    file = tmp_path / "other.toml"
    file.write_text("port = 9")
    assert load(environ={"TUNEWRIGHT_CONFIG": str(file)}).port == 9


@pytest.mark.parametrize("name", ["a:b", "acme corp", "x" * 65, "acme\n", "é"])
def test_an_organization_that_breaks_model_names_is_refused(name):
    with pytest.raises(ConfigurationError, match="organization"):
        load(environ={"TUNEWRIGHT_ORGANIZATION": name})


def test_a_provider_whose_keys_variable_is_not_set_says_so(tmp_path):
    file = tmp_path / "tunewright.toml"
    file.write_text('[providers.mine]\nbase_url = "https://models.example.com/v1"\napi_key_env = "MINE_KEY"\n')
    assert load(environ={}).providers["mine"].lacks_key
    assert not load(environ={"MINE_KEY": "k"}).providers["mine"].lacks_key
    assert not load(environ={}).providers["local"].lacks_key


@pytest.mark.parametrize(
    "url", ["http://x", "redis://h:port", "redis://[::1", "unix://", "sentinel://h/m", "localhost"]
)
def test_an_address_that_is_none_of_redis_is_refused(url):
    with pytest.raises(ConfigurationError, match="must be redis://HOST:PORT"):
        load(environ={"REDIS_URL": url})


@pytest.mark.parametrize(
    "url", ["redis://h", "rediss://u:p@h:6380/1", "unix:///run/redis.sock?db=1", "sentinel://u:p@a:1,b:2/main/3"]
)
def test_the_forms_of_a_redis_address(url):
    assert load(environ={}, redis_url=url).redis_url == url


def test_the_policy_of_checks_may_stand_in_the_same_file(tmp_path):
    (tmp_path / "tunewright.toml").write_text('port = 9\n[check]\nignore = ["few_examples"]\n')
    assert load(environ={}).port == 9
