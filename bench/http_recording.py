"""Records the Redis calls that one request causes, so that a bare handler can make exactly the same ones."""

import ast
import re
import socket
from pathlib import Path

import msgspec

PIPELINE_GAP_S = 50e-6
"""Commands of one connection closer than this came in one write: a round trip through Python takes 100 us and more."""

_LINE = re.compile(rb"\+?(\d+\.\d+) \[\d+ ([^\]]+)\] (.*)")
_ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_BACKGROUND = frozenset(
    b"SUBSCRIBE PSUBSCRIBE UNSUBSCRIBE PING BLPOP BRPOP BLMOVE XREAD".split()
    + b"HELLO CLIENT AUTH SELECT CONFIG INFO MONITOR".split()
)
_BRACKETS = frozenset((b"MULTI", b"EXEC"))


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One round trip: commands sent together, in a MULTI or not."""

    transaction: bool
    commands: tuple[tuple[bytes, ...], ...]


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """What one POST and one GET of a job did, and answered. `job_id` stands in the POST's calls and answer."""

    job_id: str
    post: tuple[Call, ...]
    post_answer: bytes
    get: tuple[Call, ...]
    get_answer: bytes


class _Command(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    client: bytes
    arguments: tuple[bytes, ...]


class Monitor:
    """A connection that sees every command of a server; use as a context manager around a request."""

    def __init__(self, socket_path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(socket_path))
        self._socket.sendall(b"MONITOR\r\n")
        self._file = self._socket.makefile("rb")
        self._file.readline()

    def calls_until(self, marker: bytes) -> tuple[Call, ...]:
        """Read up to a command that carries `marker`, which the caller sends itself, and return the calls before it."""
        commands: list[_Command] = []
        while True:
            command = _parse(self._file.readline())
            if command is None:
                continue
            if marker in command.arguments:
                return _calls(commands)
            commands.append(command)

    def close(self) -> None:
        """Stop watching."""
        self._file.close()
        self._socket.close()


def _parse(line: bytes) -> _Command | None:
    """Return the command of a line; None for one that a script ran inside the server, or for housekeeping."""
    match = _LINE.match(line)
    if match is None:
        return None
    arguments = tuple(ast.literal_eval('b"' + text.decode("ascii") + '"') for text in _ARGUMENT.findall(match[3]))
    if match[2] == b"lua" or not arguments or arguments[0].upper() in _BACKGROUND:
        return None
    return _Command(at=float(match[1]), client=match[2], arguments=arguments)


def _calls(commands: list[_Command]) -> tuple[Call, ...]:
    calls: list[Call] = []
    batch: list[_Command] = []
    for command in commands:
        name = command.arguments[0].upper()
        inside = bool(batch) and batch[0].arguments[0].upper() == b"MULTI"
        together = bool(batch) and command.client == batch[-1].client and command.at - batch[-1].at < PIPELINE_GAP_S
        if batch and not inside and (not together or name == b"MULTI"):
            calls.append(_call(batch))
            batch = []
        batch.append(command)
        if inside and name == b"EXEC":
            calls.append(_call(batch))
            batch = []
    return (*calls, _call(batch)) if batch else tuple(calls)


def _call(batch: list[_Command]) -> Call:
    """WATCH becomes EXISTS: as dear, and it leaves no mark on a pooled connection."""
    commands = [command.arguments for command in batch if command.arguments[0].upper() not in _BRACKETS]
    return Call(
        transaction=batch[0].arguments[0].upper() == b"MULTI",
        commands=tuple((b"EXISTS", *rest) if name.upper() == b"WATCH" else (name, *rest) for name, *rest in commands),
    )
