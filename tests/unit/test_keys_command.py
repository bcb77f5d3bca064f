"""`tunewright keys`: on the Redis that is configured, or on the folder's own while nothing runs."""

import msgspec
import pytest
from click.testing import CliRunner

from service.cli import keys, places
from service.core.api_keys import ApiKey, key_id
from service.store.keys import API_KEYS, api_key


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


def test_a_name_can_not_break_the_table(known, redis_url):
    token = known("create", "--name", "a\nb\x1b[31m\tc").stdout.strip()
    (line,) = known("list").stdout.splitlines()
    assert (line.split()[0], line.rsplit("  ", 1)[1]) == (key_id(token), "ab[31mc")


def test_a_name_kept_raw_is_listed_in_one_line(run, redis_server, redis_url):
    record = ApiKey(id="x", name="a\nb", sha256="", created_at=0)
    with redis_server.client() as client:
        client.set(api_key("x"), msgspec.json.encode(record))
        client.zadd(API_KEYS, {"x": 0})
    assert len(run("list", TUNEWRIGHT_REDIS_URL=redis_url).stdout.splitlines()) == 1


@pytest.mark.parametrize("command", [("list",), ("revoke", "x")])
def test_a_typing_error_in_the_data_folder_makes_none(run, tmp_path, command):
    ended = run("--data-dir", str(tmp_path / "typo"), *command)
    assert ended.exit_code == 2
    assert f"There is no data folder at {tmp_path / 'typo'}" in ended.stderr
    assert not (tmp_path / "typo").exists()


def test_a_data_folder_that_can_be_none_is_an_error_and_no_traceback(run, tmp_path):
    (tmp_path / "file").write_text("")
    ended = run("--data-dir", str(tmp_path / "file"), "create")
    assert ended.exit_code == 1
    assert "can't be used" in ended.stderr


def test_a_redis_that_is_away_is_an_error_and_no_traceback(run, monkeypatch):
    ended = run("list", TUNEWRIGHT_REDIS_URL="redis://127.0.0.1:1")
    assert ended.exit_code == 1
    assert "Redis does not answer" in ended.stderr


def test_a_wrong_configuration_is_named(run):
    ended = run("list", TUNEWRIGHT_PORT="many")
    assert ended.exit_code == 2
    assert "port" in ended.stderr
