"""The role `inference`: one process that holds local models and the clients of remote ones, and answers chat."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn

from service.runtime import open_runtime
from service.settings import ConfigurationError, Settings
from workers.heartbeat import beating
from workers.inference_app import InferenceApp
from workers.inference_models import Resolver
from workers.providers.registry import Providers

_log = logging.getLogger(__name__)
_UNIX = "unix:"
_LONGEST_SOCKET_PATH = 100
_GRACE_S = 10
_KEEP_ALIVE_S = 75


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Answer at `settings.inference` until `stop`; answers being written then have 10 s to end.

    Raises ConfigurationError for an address that can't be taken.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listening(settings.inference))
        runtime = await stack.enter_async_context(open_runtime(settings))
        await stack.enter_async_context(beating(runtime, "inference"))
        providers = Providers(settings)
        stack.push_async_callback(providers.aclose)
        for name in providers.names:
            providers.get(name)  # their imports take a second, which no call shall wait for
        app = InferenceApp(Resolver(runtime.models, providers), providers)
        _log.info("inference answers at %s", settings.inference)
        await serve(app, listener, stop)


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take none."""
        yield


async def serve(app: InferenceApp, listener: socket.socket, stop: asyncio.Event) -> None:
    """Answer on `listener` until `stop`; answers being written then have 10 s to end."""
    server = _Server(
        uvicorn.Config(
            app,  # pyright: ignore[reportArgumentType]  uvicorn names the ASGI types by Protocols of its own
            lifespan="off",
            access_log=False,
            log_config=None,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


@contextmanager
def listening(address: str) -> Generator[socket.socket]:
    """Bind `http://host:port` or `unix:PATH`; a socket file is for this user alone, and goes at the end."""
    if not address.startswith(_UNIX):
        parts = urlsplit(address)
        try:
            with socket.create_server((parts.hostname or "127.0.0.1", parts.port or 80), backlog=512) as listener:
                yield listener
        except OSError as error:
            raise ConfigurationError(f"inference_url {address!r} can't be taken: {error.strerror}.") from error
        return
    path = Path(address.removeprefix(_UNIX))
    if len(str(path).encode()) > _LONGEST_SOCKET_PATH:
        raise ConfigurationError(f"The socket path {path} is too long; set TUNEWRIGHT_INFERENCE_URL.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        _take(listener, path)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)


def _take(listener: socket.socket, path: Path) -> None:
    """Bind under a name of our own and rename: no moment in which others may connect, and a dead one's file goes."""
    if _is_answered(path):
        raise ConfigurationError(f"Another inference process answers at {path}.")
    fresh = path.with_name(f".{path.name[:20]}.new")
    fresh.unlink(missing_ok=True)
    listener.bind(str(fresh))
    fresh.chmod(0o600)
    listener.listen(512)
    fresh.rename(path)


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(str(path))
        return True
    return False
