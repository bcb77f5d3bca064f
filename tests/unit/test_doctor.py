"""`tunewright doctor` names what is wrong with its remedy, and neither hangs nor breaks whatever it meets."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from click.testing import CliRunner, Result

from service.check import vocab
from service.cli.doctor import command as doctor
from service.cli.doctor import machine_checks, store_checks, webhook_checks
from service.core import clock
from service.core.addresses import AddressPolicy
from service.core.signatures import make_secret
from service.core.webhooks import WebhookEndpoint
from service.store import keys, webhook_keys
from tests.check.trained import folder
from tests.conftest import RedisServer

KEY = "sk-" + "doctor" * 4
Run = Callable[..., Result]


@pytest.fixture
def run(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str, **environment: str) -> Result:
        ended = CliRunner().invoke(doctor.command, arguments, env={"TUNEWRIGHT_REDIS_URL": redis_url, **environment})
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exc_info
        return ended

    return invoke


@pytest.fixture
def checks(run: Run, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, dict[str, Any]]]:
    """Run it offline, without the vocabularies that take a while, and return the checks by name."""
    monkeypatch.setattr(machine_checks, "SHA256", {})

    def invoke(*arguments: str, **environment: str) -> dict[str, dict[str, Any]]:
        found = json.loads(run("--offline", "--json", *arguments, **environment).stdout)
        assert found["ok"] == all(check["status"] != "failed" for check in found["checks"])
        for check in found["checks"]:
            assert (check["remedy"] is None) == (check["status"] in {"ok", "skipped"}), check
        return {check["name"]: check for check in found["checks"]}

    return invoke


@pytest.fixture
def client(redis_server: RedisServer, redis_url: str) -> Iterator[redis.Redis]:
    with redis_server.client() as client:
        yield client


@pytest.fixture
def provider() -> Iterator[str]:
    """An OpenAI-shaped target that takes one key alone."""

    class Target(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers["authorization"] == f"Bearer {KEY}"
            body = {"object": "list", "data": [{"id": "m", "object": "model", "created": 1, "owned_by": "x"}]}
            error = {"error": {"message": "Incorrect API key provided", "type": "x", "code": "invalid_api_key"}}
            content = json.dumps(body if is_known else error).encode()
            self.send_response(200 if is_known else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Target) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_all_is_well(run: Run, provider: str) -> None:
    ended = run(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=provider)
    assert (ended.exit_code, ended.stdout.splitlines()[-1]) == (0, "No check failed.")
    assert "provider openai: answers, and lists 1 models" in ended.stdout
    assert "o200k_base: 199,998 tokens, SHA-256 as published" in ended.stdout
    assert KEY not in ended.stdout


def test_a_wrong_key_a_missing_key_and_a_target_that_is_away(run: Run, provider: str, tmp_path: Path) -> None:
    (tmp_path / "tunewright.toml").write_text(
        f'[providers.wrong]\nbase_url = "{provider}"\napi_key_env = "WRONG_KEY"\n'
        f'[providers.missing]\nbase_url = "{provider}"\napi_key_env = "MISSING_KEY"\n'
        '[providers.away]\nbase_url = "http://127.0.0.1:1/v1"\napi_key = "x"\n'
    )
    secret = "sk-" + "wrong" * 5
    ended = run(WRONG_KEY=secret)
    lines = ended.stdout.splitlines()
    said = {line: lines[at + 1] for at, line in enumerate(lines) if line.startswith("failed")}
    (wrong,) = [remedy for line, remedy in said.items() if "provider wrong: unauthorized" in line]
    (missing,) = [remedy for line, remedy in said.items() if "provider missing: MISSING_KEY is not set" in line]
    (away,) = [remedy for line, remedy in said.items() if "provider away: unavailable" in line]
    assert ("WRONG_KEY" in wrong, "Set MISSING_KEY" in missing, "--offline" in away) == (True, True, True)
    assert (ended.exit_code, secret in ended.stdout) == (1, False)
    offline = run("--offline", WRONG_KEY=secret)
    assert ("provider wrong: not asked" in offline.stdout, "MISSING_KEY is not set" in offline.stdout) == (True, True)


def test_a_forgetful_redis(checks: Any, client: redis.Redis) -> None:
    client.config_set("appendfsync", "everysec")
    try:
        assert "appendfsync is everysec, must be always" in checks()["durability"]["detail"]
        assert checks(TUNEWRIGHT_REDIS_UNCHECKED="true")["durability"]["status"] == "warning"
    finally:
        client.config_set("appendfsync", "always")
    assert checks()["durability"]["status"] == "ok"


@pytest.mark.parametrize(("share", "status"), [(1.1, "warning"), (0.9, "failed")])
def test_a_full_redis(checks: Any, client: redis.Redis, share: float, status: str) -> None:
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * share))
    try:
        assert checks()["redis memory"]["status"] == status
    finally:
        client.config_set("maxmemory", 0)


def test_a_replica_a_dead_server_and_one_that_is_no_redis(checks: Any, client: redis.Redis) -> None:
    client.replicaof("127.0.0.1", "1")
    try:
        assert "replica" in checks()["redis"]["detail"]
    finally:
        client.replicaof("NO", "ONE")
    assert checks(TUNEWRIGHT_REDIS_URL="redis://127.0.0.1:1")["redis"]["status"] == "failed"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert checks(TUNEWRIGHT_REDIS_URL=f"redis://127.0.0.1:{port}")["redis"]["status"] == "failed"


@pytest.mark.parametrize(("shift_s", "status"), [(0.0, "ok"), (5.0, "warning"), (-3_600.0, "failed")])
def test_a_clock_that_is_off(checks: Any, monkeypatch: pytest.MonkeyPatch, shift_s: float, status: str) -> None:
    now = clock.now
    monkeypatch.setattr(store_checks.clock, "now", lambda: now() + shift_s)
    assert checks()["clock"]["status"] == status


def test_a_silent_ticker(checks: Any, client: redis.Redis) -> None:
    assert checks()["ticker"]["status"] == "skipped"
    client.hset(keys.HEARTBEATS, "ticker", clock.now() - 300)
    assert "silent for 300 s" in checks()["ticker"]["detail"]
    client.hset(keys.HEARTBEATS, "ticker", "nonsense")
    assert checks()["ticker"]["status"] == "failed"


@pytest.mark.parametrize(
    ("spoilt", "detail", "remedy"),
    [
        (None, "mine: BPE of 700 tokens", None),
        ('{"model": {"vocab": 1}}', "does not read the model's tokenizer", "the tokenizer.json of the model itself"),
        ("{", "is no tokenizer.json", "Mend `tokenizer` of [models.mine]"),
    ],
)
def test_the_tokenizer_of_a_declared_model(
    checks: Any, tmp_path: Path, spoilt: str | None, detail: str, remedy: str | None
) -> None:
    place = folder(tmp_path / "model", "byte_level")
    (tmp_path / "tunewright.toml").write_text('[models.mine]\ntokenizer = "model"\n')
    if spoilt is not None:
        (place / "tokenizer.json").write_text(spoilt)
    found = checks()["tokenizer"]
    assert found["status"] == ("failed" if spoilt else "ok")
    assert detail in found["detail"]
    assert remedy is None or remedy in found["remedy"]


def test_a_damaged_vocabulary(checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vocab.SHA256, "o200k_base", "0" * 64)
    monkeypatch.setattr(machine_checks, "SHA256", ["o200k_base"])
    assert "o200k_base differs from the published one" in checks()["vocabulary"]["detail"]


def test_a_check_that_was_not_compiled(checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks()["compiled check"]["status"] == "ok"
    monkeypatch.setattr(machine_checks, "native", None)
    missing = checks()["compiled check"]
    assert missing["status"] == "warning"
    assert "C compiler" in missing["remedy"]


def test_a_blob_store_that_takes_nothing(checks: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert checks(TUNEWRIGHT_BLOB_URL=str(tmp_path / "file"))["blob store"]["status"] == "failed"
    assert checks(TUNEWRIGHT_BLOB_URL="zzz://nowhere")["blob store"]["status"] == "failed"
    assert checks()["blob store"]["status"] == "ok"


@pytest.mark.parametrize(("least", "few", "status"), [(10**18, 0, "failed"), (0, 10**18, "warning")])
def test_a_full_disk(checks: Any, monkeypatch: pytest.MonkeyPatch, least: int, few: int, status: str) -> None:
    monkeypatch.setattr(machine_checks, "LEAST_FREE_BYTES", least)
    monkeypatch.setattr(machine_checks, "FEW_FREE_BYTES", few)
    assert checks()["room in the data folder"]["status"] == status


def test_an_open_door(checks: Any) -> None:
    assert checks(TUNEWRIGHT_HOST="0.0.0.0")["access"]["remedy"] == "Make one: tunewright keys create"


@pytest.mark.parametrize("host", webhook_checks.METADATA)
def test_a_guard_that_lets_webhooks_to_credentials(host: str) -> None:
    address = host.strip("[]")
    assert webhook_checks.guard(AddressPolicy()).status == "ok"
    assert webhook_checks.guard(AddressPolicy(local=True)).status == "ok"
    assert address in webhook_checks.guard(AddressPolicy(allow=(address,))).detail
    wide = "::/0" if ":" in address else "0.0.0.0/0"
    assert webhook_checks.guard(AddressPolicy(allow=(wide,))).status == "failed"


def endpoint(number: int, url: str) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=f"we_{number}",
        created_at=1,
        updated_at=1,
        name="n",
        url=url,
        event_types=("dataset.ready",),
        secret=make_secret(),
    )


def test_receivers_that_are_refused_away_or_broken(run: Run, client: redis.Redis) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        urls = [
            f"http://127.0.0.1:{listener.getsockname()[1]}/",
            "https://10.0.0.1/",
            "http://127.0.0.1:1/",
            "https://no.such.invalid/",
        ]
        for number, url in enumerate(urls):
            client.set(webhook_keys.endpoint(f"we_{number}"), msgspec.json.encode(endpoint(number, url)))
        client.set(webhook_keys.endpoint("we_broken"), b"{")
        client.zadd(webhook_keys.ENDPOINTS, {f"we_{name}": 1 for name in (0, 1, 2, 3, "broken")})
        told = run().stdout
        offline = run("--offline").stdout
    assert "we_0" not in told
    assert "we_1: The URL may not lead to a private" in told
    assert "we_2: no connection: ConnectionRefusedError" in told
    assert "we_3: its host name has no address here" in told
    assert ("we_1" in offline, "we_2" in offline) == (True, False)


def test_a_folder_that_nobody_used_is_no_error_and_stays_so(run: Run, tmp_path: Path) -> None:
    ended = run("--offline", "--data-dir", str(tmp_path / "new"), TUNEWRIGHT_REDIS_URL="")
    assert (ended.exit_code, (tmp_path / "new").exists()) == (0, False)
    assert "no service has run" in ended.stdout


def test_the_folders_own_redis_is_started_for_the_moment(run: Run, tmp_path: Path) -> None:
    (tmp_path / "used" / "redis").mkdir(parents=True)
    ended = run("--offline", "--data-dir", str(tmp_path / "used"), TUNEWRIGHT_REDIS_URL="")
    assert (ended.exit_code, "does not run on this folder now" in ended.stdout) == (0, True)


def test_a_wrong_configuration_is_exit_status_2(run: Run) -> None:
    assert run(TUNEWRIGHT_PORT="many").exit_code == 2
