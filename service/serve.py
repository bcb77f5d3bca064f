"""`python -m service.serve [--fd N]`: the API process, on the settings' address or an inherited socket."""

import argparse
import logging
import socket
import sys

import uvicorn

from service.settings import ConfigurationError, load

NOT_STARTED = 3
_log = logging.getLogger(__name__)
_DRAIN_S = 5
_KEEP_ALIVE_S = 65  # longer than the usual 60 s of a load balancer, so that it is never us who hang up first


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; 2 for a wrong configuration, 3 if the application did not start."""
    parser = argparse.ArgumentParser(prog="python -m service.serve")
    parser.add_argument("--fd", type=int, help="a listening socket inherited from the parent")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    for chatty in ("uvicorn.error", "httpx2"):  # start and stop, and each call relayed to the inference process
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        settings = load()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for name, provider in settings.providers.items():
        if provider.lacks_key:
            _log.warning(
                "[providers.%s] %s is not set: the provider will refuse every call", name, provider.api_key_env
            )
    config = uvicorn.Config(
        "service.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    server = uvicorn.Server(config)
    server.run([socket.socket(fileno=options.fd)] if options.fd is not None else None)
    return 0 if server.started else NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
