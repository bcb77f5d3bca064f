"""The demo's receiver as a process: what it keeps, what it refuses, how it ends."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from service.core import signatures
from tests.waiting import until
from workers.receiver import Ledger, Receiver

BODY = b'{"id":"evt_1","object":"event","created_at":1,"type":"dataset.ready","data":{"id":"file-1"}}'
OLD, NEW = signatures.make_secret(), signatures.make_secret()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    files = ["--secret-file", str(tmp_path / "secrets"), "--ledger", str(tmp_path / "ledger.jsonl")]
    process = subprocess.Popen([sys.executable, "-m", "workers.receiver", "--port", str(port), *files])
    until(lambda: process.poll() is not None or not socket.socket().connect_ex(("127.0.0.1", port)), "it listens")
    assert process.poll() is None
    yield f"http://127.0.0.1:{port}/hooks"
    process.terminate()
    assert process.wait(10) in (0, -15)


def _post(client: httpx2.Client, url: str, *keys: str, name: str = "evt_1", body: bytes = BODY) -> int:
    headers = signatures.headers(keys, name, time.time(), BODY)
    return client.post(url, content=body, headers=headers).status_code


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_it_keeps_verified_events_once(url: str, tmp_path: Path) -> None:
    with httpx2.Client(trust_env=False) as client:
        assert client.get(url).status_code == 200
        assert _post(client, url, NEW) == 400, "taken before there was a secret"
        (tmp_path / "secrets").write_text(f"{OLD}\n{NEW}\n")
        assert [_post(client, url, NEW), _post(client, url, OLD, name="evt_2"), _post(client, url, NEW)] == [200] * 3
        assert _post(client, url, signatures.make_secret(), name="evt_3") == 400
        assert _post(client, url, NEW, name="evt_3", body=BODY + b" ") == 400
        assert client.post(url, content=b"x" * 1_100_000).status_code == 413
    entries = [json.loads(line) for line in (tmp_path / "ledger.jsonl").read_text().splitlines()]
    assert [entry["webhook_id"] for entry in entries] == ["evt_1", "evt_2"]
    assert entries[0]["event"] == json.loads(BODY)


def test_a_ledger_outlives_the_process(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text(NEW)
    for expected in ("received", "duplicate"):
        receiver = Receiver(tmp_path / "secrets", Ledger(tmp_path / "ledger.jsonl"))
        assert receiver.take(signatures.headers([NEW], "evt_1", time.time(), BODY), BODY) == (200, expected)
