"""`tunewright keys`: on the Redis that is configured, or on the folder's own while nothing runs."""

import pytest
from click.testing import CliRunner

from service.cli import keys, places
from service.core.api_keys import key_id


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REDIS_URL", raising=False)

    def invoke(*arguments, **environment):
        return CliRunner().invoke(keys.command, arguments, env=environment)

    return invoke


@pytest.fixture(params=["configured", "embedded"])
def known(request, run, tmp_path, redis_url):
    """Run a subcommand against either Redis."""
    if request.param == "configured":
        return lambda *arguments: run(*arguments, TUNEWRIGHT_REDIS_URL=redis_url)
    return lambda *arguments: run("--data-dir", str(tmp_path / "data"), *arguments)


def test_a_key_is_shown_once_and_listed_until_it_is_revoked(known, tmp_path):
    token = known("create", "--name", "ci", "--days", "30").stdout.strip()
    name = key_id(token)
    listed = known("list").stdout
    assert [listed.split()[0], listed.split()[3]] == [name, "ci"]
    assert token not in listed
    assert known("revoke", name).exit_code == 0
    assert known("list").stdout == ""
    missing = known("revoke", name)
    assert missing.exit_code == 1
    assert f"There is no key {name}" in missing.stderr
    assert not places.is_locked(tmp_path / "data")


def test_a_redis_that_is_away_is_an_error_and_no_traceback(run, monkeypatch):
    ended = run("list", TUNEWRIGHT_REDIS_URL="redis://127.0.0.1:1")
    assert ended.exit_code == 1
    assert "Redis does not answer" in ended.stderr


def test_a_wrong_configuration_is_named(run):
    ended = run("list", TUNEWRIGHT_PORT="many")
    assert ended.exit_code == 1
    assert "port" in ended.stderr
