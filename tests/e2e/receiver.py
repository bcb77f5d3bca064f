"""A webhook receiver that keeps the raw requests, so that the SDK itself can verify them."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Answers 200 to every POST; `requests` holds (body, headers)."""

    def __init__(self) -> None:
        received = self.requests = list[tuple[str, dict[str, str]]]()
        arrived = self._arrived = threading.Condition()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()
                with arrived:
                    received.append((body, dict(self.headers)))
                    arrived.notify_all()

            def log_message(self, *arguments: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 20) -> bool:
        with self._arrived:
            return self._arrived.wait_for(condition, timeout_s)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
