"""A small webhook receiver for the demo and for trying things out: verifies, then keeps each event once.

`python -m workers.receiver --port 8485 --secret-file FILE --ledger FILE`. The secret file holds one `whsec_…` a line
and is read anew for each request, so it may be written after the start and during a rotation. The ledger is JSON
lines: `{"received_at", "webhook_id", "timestamp", "headers", "body", "event"}`; headers and body are as sent, so that
anybody can verify again. A line is on disk before the sender is told 200.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import uvicorn

from service.core import clock
from service.core.signatures import BadSignature, verify

MAX_BODY_BYTES = 1_000_000
_log = logging.getLogger(__name__)


class Ledger:
    """The events received so far, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = {str(json.loads(line)["webhook_id"]) for line in _lines(path)}

    def append(self, webhook_id: str, headers: Mapping[str, str], body: bytes, event: Any) -> bool:
        """Keep an event; False for one that is there already (a sender may send twice)."""
        if webhook_id in self._known:
            return False
        entry = {
            "received_at": clock.now(),
            "webhook_id": webhook_id,
            "timestamp": int(headers["webhook-timestamp"]),
            "headers": {name: value for name, value in headers.items() if name.startswith("webhook-")},
            "body": body.decode(),
            "event": event,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._known.add(webhook_id)
        return True


class Receiver:
    """The ASGI application: POST anywhere is a webhook, GET tells that it is up."""

    def __init__(self, secret_file: Path, ledger: Ledger) -> None:
        self._secret_file = secret_file
        self._ledger = ledger

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 200, or 400 for what was not signed by us, 413 for too much."""
        if scope["type"] != "http":
            return
        status, text = await self._answer(scope, receive) if scope["method"] == "POST" else (200, "ready")
        body = json.dumps({"status": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Any, receive: Any) -> tuple[int, str]:
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if len(body) > MAX_BODY_BYTES:
                return 413, "too large"
            if not part.get("more_body"):
                break
        raw = cast("list[tuple[bytes, bytes]]", scope["headers"])
        return self.take({name.decode("latin-1"): value.decode("latin-1") for name, value in raw}, body)

    def take(self, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Verify and keep one request; return the status and a word for the sender."""
        try:
            webhook_id = verify(_secrets(self._secret_file), headers, body, now=clock.now())
            event = json.loads(body)
        except (BadSignature, ValueError) as error:
            _log.warning("receiver: refused a request: %s", error)
            return 400, "refused"
        is_new = self._ledger.append(webhook_id, headers, body, event)
        _log.info("receiver: %s %s", "verified" if is_new else "seen before", webhook_id)
        return 200, "received" if is_new else "duplicate"


def main(argv: list[str]) -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m workers.receiver", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    args.ledger.parent.mkdir(parents=True, exist_ok=True)
    receiver = Receiver(args.secret_file, Ledger(args.ledger))
    uvicorn.run(receiver, host=args.host, port=args.port, log_level="warning", lifespan="off", access_log=False)
    return 0


def _secrets(path: Path) -> list[str]:
    return [line.strip() for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").splitlines() if line.strip()]
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
