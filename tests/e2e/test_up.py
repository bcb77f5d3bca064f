"""What `tunewright up` promises, on real processes: `make run` stands on it."""

import os
import signal
import stat
import sys

import httpx2
import pytest

from service.cli import up
from service.cli.supervisor import StartFailed
from service.settings import Settings
from tests.e2e.installation import installation, tunewright
from tests.e2e.processes import descendants, is_alive
from tests.waiting import until

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
LINES = b"".join(
    b'{"messages":[{"role":"user","content":"%d?"},{"role":"assistant","content":"%d"}]}\n' % (n, n) for n in range(12)
)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with installation(tmp_path_factory.mktemp("up")) as found:
        yield found


@linux
def test_sigterm_stops_everything_and_exits_0(tmp_path):
    with installation(tmp_path / "data") as it:
        below = descendants(it.process.pid)
        assert len(below) >= 7  # redis, api, ticker, deliver, inference, train, worker-1
        assert it.stop() == 0
        assert not any(is_alive(number) for number in below)
        assert "stopped" in it.log.splitlines()[-1]
        assert "ERROR" not in it.log


@linux
def test_after_sigkill_nothing_runs_and_a_second_up_has_what_was_accepted(tmp_path):
    with installation(tmp_path / "data") as it:
        below = descendants(it.process.pid)
        file = it.client.post("/files", files={"file": ("a.jsonl", LINES)}, data={"purpose": "fine-tune"}).json()
        it.process.kill()
        it.process.wait()
        until(lambda: not any(is_alive(number) for number in below), "no child lives", timeout_s=5)
    with installation(tmp_path / "data") as it:
        assert it.get(f"/files/{file['id']}")["bytes"] == len(LINES)
        until(lambda: it.get(f"/files/{file['id']}")["status"] == "processed", "the file is checked")
        assert it.stop() == 0


def test_it_is_ready_when_it_says_so(running):
    assert running.client.get(running.base_url.removesuffix("/v1") + "/health/ready").status_code == 200
    assert running.get("/models")["object"] == "list"


def test_a_relayed_call_leaves_no_line_in_the_log(running):
    said = {"model": "tunewright-tiny", "messages": [{"role": "user", "content": "hi"}]}
    assert running.client.post("/chat/completions", json=said).status_code == 200
    assert "HTTP Request" not in running.log


@linux
@pytest.mark.parametrize("role", ["worker-1", "ticker", "redis", "api"])
def test_a_killed_child_is_started_again(running, role):
    first = running.pid_of(role)
    os.kill(first, signal.SIGKILL)
    until(lambda: running.pid_of(role) != first, f"{role} is started again")
    file = None

    def is_accepted() -> bool:
        nonlocal file
        answer = running.client.post("/files", files={"file": ("b.jsonl", LINES)}, data={"purpose": "fine-tune"})
        file = answer.json()
        return answer.status_code == 200

    until(is_accepted, "uploads are accepted")
    until(lambda: running.get(f"/files/{file['id']}")["status"] == "processed", "the file is checked")


def test_sockets_and_redis_are_for_this_user_alone(running):
    sockets = running.process.args[running.process.args.index("--data-dir") + 1] + "/run"
    assert stat.S_IMODE(os.stat(sockets).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(sockets + "/redis.sock").st_mode) == 0o700


def test_a_key_can_be_made_while_it_runs_and_is_asked_for_from_then_on(tmp_path):
    with installation(tmp_path / "data") as it:
        made = tunewright("keys", "--data-dir", str(tmp_path / "data"), "create", "--name", "test")
        token = made.stdout.strip()
        until(lambda: it.client.get("/models").status_code == 401, "keys are asked for")
        answer = it.client.get("/models", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert made.returncode == 0
        assert token not in it.log


def test_other_machines_are_let_in_only_once_there_is_a_key(tmp_path):
    data = str(tmp_path / "data")
    refused = tunewright("up", "--host", "0.0.0.0", "--port", "0", "--data-dir", data)
    assert refused.returncode == 2
    assert f"tunewright keys --data-dir {data} create" in refused.stderr
    token = tunewright("keys", "--data-dir", data, "create").stdout.strip()
    with installation(tmp_path / "data", "--host", "0.0.0.0") as it:
        assert it.client.get("/models").status_code == 401
        assert it.client.get("/models", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_with_redis_url_no_server_is_started(tmp_path, redis_url):
    with installation(tmp_path / "data", REDIS_URL=redis_url) as it:
        assert it.get("/models")["data"]
        assert "redis started" not in it.log
        assert not (tmp_path / "data" / "redis").exists()


async def test_a_redis_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(up, "_REDIS_WAIT_S", 0.2)
    settings = Settings(port=0, data_dir=tmp_path, redis_url="redis://127.0.0.1:1")
    with pytest.raises(StartFailed, match="Is its address right"):
        await up.run(settings)


def test_a_wrong_setting_is_named_and_nothing_starts(tmp_path):
    ended = tunewright("up", "--data-dir", str(tmp_path / "data"), TUNEWRIGHT_TRAINING_SLOTS="many")
    assert ended.returncode == 2
    assert "training_slots" in ended.stderr
    assert not (tmp_path / "data").exists()


@linux
@pytest.mark.parametrize("place", ["file", "file/below", "/proc/foo"])
def test_a_data_folder_that_can_be_none_is_one_line(tmp_path, place):
    (tmp_path / "file").write_text("")
    ended = tunewright("up", "--port", "0", "--data-dir", str(tmp_path / place))
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "can't be used" in line
    assert "Give --data-dir" in line


def test_what_is_in_the_data_folder_and_can_not_be_used_is_named(tmp_path):
    (tmp_path / "run").write_text("")
    ended = tunewright("up", "--port", "0", "--data-dir", str(tmp_path))
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert f"{tmp_path}/run: File exists" in line


def test_a_redis_that_forgets_is_refused_in_one_line_before_anything_starts(tmp_path, redis_server, redis_url):
    with redis_server.client() as client:
        client.config_set("appendfsync", "everysec")
        try:
            ended = tunewright("up", "--port", "0", "--data-dir", str(tmp_path / "data"), REDIS_URL=redis_url)
        finally:
            client.config_set("appendfsync", "always")
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "appendfsync is everysec, must be always" in line


@pytest.mark.parametrize(("url", "why"), [("http://x", "must be redis://HOST:PORT"), ("unix://", "must be")])
def test_an_address_that_is_none_of_redis_is_one_line(tmp_path, url, why):
    ended = tunewright("up", "--data-dir", str(tmp_path / "data"), TUNEWRIGHT_REDIS_URL=url)
    assert ended.returncode == 2
    assert [why in line for line in ended.stderr.splitlines()] == [True]


async def test_a_redis_that_refuses_the_password_says_so(tmp_path, monkeypatch, redis_server, redis_url):
    monkeypatch.setattr(up, "_REDIS_WAIT_S", 0.2)
    with redis_server.client() as client:
        client.config_set("requirepass", "right")
        try:
            with pytest.raises(StartFailed, match="invalid username-password pair"):
                await up.run(
                    Settings(port=0, data_dir=tmp_path, redis_url=redis_url.replace("unix://", "unix://:bad@"))
                )
        finally:
            client.config_set("requirepass", "")


def test_a_path_too_long_for_sockets_still_works(tmp_path):
    data = tmp_path / ("d" * 90)
    with installation(data) as it:
        assert httpx2.get(it.base_url + "/models", trust_env=False).status_code == 200
        assert (data / "run").is_symlink()
        assert it.stop() == 0
    (data / "run").readlink().rmdir()


def test_it_is_ready_soon(running):
    assert running.seconds_to_ready < 30
