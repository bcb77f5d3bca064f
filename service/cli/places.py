"""The data folder's lock, its folder for sockets, and the port: what two `up` on one machine could both want."""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path
from typing import TypeVar

WAIT_S = 10.0
_POLL_S = 0.1
_LOCK = "lock"
_LONGEST_SOCKET_FOLDER = 80  # a Unix socket's path holds 107 bytes on Linux, 103 on macOS
_T = TypeVar("_T")


class Taken(Exception):
    """Another process holds the folder or the port; the message says which and what to do."""


class Unusable(Exception):
    """The data folder can't be made or written to; the message says why and what to do."""


@contextlib.contextmanager
def usable(data_dir: Path) -> Generator[None]:
    """Turn what the system says against the data folder, or what is in it, into Unusable."""
    try:
        yield
    except OSError as error:
        what = data_dir if error.filename is None else error.filename
        raise Unusable(
            f"The data folder {data_dir} can't be used: {what}: {error.strerror or error}. "
            "Give --data-dir a folder that you may write to."
        ) from error


@contextlib.asynccontextmanager
async def lock(data_dir: Path, wait_s: float = WAIT_S) -> AsyncGenerator[int]:
    """Hold the folder's lock; give its descriptor.

    Children that inherit the descriptor hold the lock too, so that the folder is free only once the last is gone.
    Waits up to `wait_s` for a predecessor to end, then raises Taken; Unusable where there can be no such folder.
    """
    with _opened(data_dir) as descriptor:
        try:
            await _patiently(lambda: fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB), wait_s)
        except BlockingIOError as error:
            raise Taken(
                f"Another `tunewright` uses {data_dir} (waited {wait_s:g} s). Stop it, or give another --data-dir."
            ) from error
        yield descriptor


def is_locked(data_dir: Path) -> bool:
    """Tell whether a process holds the folder now; raises Unusable."""
    with usable(data_dir):
        if not (data_dir / _LOCK).exists():
            return False
    with _opened(data_dir) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


async def listen(host: str, port: int, wait_s: float = WAIT_S) -> socket.socket:
    """Return a listening socket, which the API inherits; so its port stays ours while the API restarts.

    Waits up to `wait_s` for a predecessor's port, then raises Taken. Port 0 takes a free one.
    """
    try:
        return await _patiently(lambda: _bound(host, port), wait_s)
    except socket.gaierror as error:
        raise Taken(f"The address {host} is unknown here: {error.strerror}.") from error
    except OSError as error:
        why = "in use" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise Taken(f"Port {port} of {host} can't be had: {why}. Give --port another one, or 0 for any.") from error


def socket_folder(data_dir: Path) -> Path:
    """Return a folder of mode 700 for sockets: `DATA/run`, or behind that link one with a path short enough."""
    place = data_dir.absolute() / "run"
    if len(os.fsencode(place)) <= _LONGEST_SOCKET_FOLDER:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place
    if place.is_symlink():
        target = place.readlink()
        if _is_private(target):
            return target
        place.unlink()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = Path(tempfile.mkdtemp(prefix="tunewright-", dir="/tmp"))
    place.symlink_to(target)
    return target


@contextlib.contextmanager
def _opened(data_dir: Path) -> Generator[int]:
    with usable(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return folder.is_dir() and found.st_uid == os.getuid() and found.st_mode & 0o777 == 0o700


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock


async def _patiently(take: Callable[[], _T], wait_s: float) -> _T:
    """Try until it works or `wait_s` are over, while another process holds the thing; the last error is raised."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while True:
        try:
            return take()
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EAGAIN, errno.EWOULDBLOCK} or loop.time() >= deadline:
                raise
            await asyncio.sleep(_POLL_S)
