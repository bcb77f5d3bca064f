"""The processes of one installation (DESIGN §4), and how each is started."""

import sys
from pathlib import Path

import msgspec

from service.cli.embedded import EmbeddedRedis
from service.cli.supervisor import Role
from service.settings import Settings

_STEP_S = 30.0


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook receiver on this machine's `port`: it checks signatures by `secret_file` and writes down what came."""

    port: int
    secret_file: Path
    ledger: Path

    @classmethod
    def at(cls, port: int, data_dir: Path) -> "Receiver":
        """Return the receiver that keeps its files in `data_dir`."""
        folder = data_dir.absolute() / "receiver"
        return cls(port=port, secret_file=folder / "secret", ledger=folder / "ledger.jsonl")

    @property
    def url(self) -> str:
        """Return the address that a webhook endpoint is made with."""
        return f"http://127.0.0.1:{self.port}/"


def store(redis: EmbeddedRedis) -> Role:
    """Return the embedded server."""
    return Role(name="redis", command=redis.command)


def groups(
    settings: Settings, redis: EmbeddedRedis | None, listener: int, receiver: Receiver | None
) -> list[list[Role]]:
    """Return the processes in groups, in the order of their start: the store, what works behind the API, the API.

    They are stopped in the opposite order. The API inherits `listener`, a listening socket.
    """
    start = [store(redis)] if redis else []
    behind = [_worker(name, name) for name in ("ticker", "deliver", "inference", "train")]
    behind += [_worker("worker", f"worker-{number}") for number in range(1, settings.workers + 1)]
    if receiver is not None:
        files = ("--secret-file", str(receiver.secret_file), "--ledger", str(receiver.ledger))
        behind.append(_python("receiver", "workers.receiver", "--port", str(receiver.port), *files))
    front = _python("api", "service.serve", "--fd", str(listener), inherits=(listener,))
    return [start, behind, [front]]


def _worker(role: str, name: str) -> Role:
    return _python(name, "workers", role)


def _python(name: str, module: str, *arguments: str, inherits: tuple[int, ...] = ()) -> Role:
    command = (sys.executable, "-m", module, *arguments)
    return Role(name=name, command=command, grace_s=_STEP_S, inherits=inherits)
