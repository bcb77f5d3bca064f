"""A Redis whose power can be cut: killed, and its append-only files cut back to what an fsync had secured."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import RedisServer

_SOURCE = Path(__file__).with_name("fsync_ledger.c")


class FragileRedis:
    """A server whose fsyncs are written down."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, appendfsync: str = "always") -> None:
        self._library = folder / "fsync_ledger.so"
        self._ledger = folder / "fsyncs"
        self._data = folder / "data"
        self._monkeypatch = monkeypatch
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self._library, _SOURCE, "-ldl"], check=True)
        self.server = RedisServer(folder)
        with (self._data / "redis.conf").open("a") as file:
            file.write(f"appendfsync {appendfsync}\n")

    @staticmethod
    def can_be() -> bool:
        """Tell whether there is a compiler to build the ledger with."""
        return shutil.which("cc") is not None

    def start(self) -> None:
        with self._monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(self._library))
            patch.setenv("FSYNC_LEDGER", str(self._ledger))
            self.server.start()

    def cut_power(self) -> int:
        """Kill the server and take back what no fsync secured; return the bytes lost."""
        self.server.kill()
        secured: dict[str, int] = {}
        for line in self._ledger.read_text().splitlines():
            size, _, path = line.partition(" ")
            secured[path] = int(size)
        assert secured, "no fsync was seen: the library was not loaded"
        lost = 0
        for path in self._data.rglob("*.incr.aof"):
            length = secured.get(str(path), 0)
            lost += path.stat().st_size - length
            with path.open("r+b") as file:
                file.truncate(length)
        return lost
