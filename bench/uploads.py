"""Large files through the API with the SDK, byte for byte, and what memory that takes: `python -m bench.uploads`.

The API runs in a process of its own on a private Redis, without workers. Its memory is the peak of its resident set
(VmHWM), reset once it has answered and a small file went through, so that what it loads at first use does not count.
Linux alone. Figures are megabytes (10^6) a second; beside them, what the disk does: a copy of the same file with fsync.
"""

import argparse
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx2
import openai

from bench.processes import START_LIMIT_S, process, redis_server

GOAL_MB = 64.0
MB = 1_000_000
_CHUNK = 1 << 20


class Way(NamedTuple):
    """A way in: what it is called, the file's size, and what sends the file and returns its id."""

    name: str
    size: int
    send: Callable[[Path], str]


class Service:
    """The API under measurement."""

    def __init__(self, port: int, pid: int) -> None:
        self._pid = pid
        self.http = httpx2.Client(trust_env=False, timeout=1800)
        self.sdk = openai.OpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="any", http_client=self.http, max_retries=0
        )

    def wait(self) -> None:
        """Return once it answers."""
        end = time.monotonic() + START_LIMIT_S
        while True:
            try:
                return self.sdk.files.list().data.clear()
            except openai.APIConnectionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def reset_peak(self) -> float:
        """Forget the peak; return what is resident now, in MB."""
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def peak(self) -> float:
        """Return the peak since `reset_peak`, in MB."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> float:
        text = Path(f"/proc/{self._pid}/status").read_text("utf-8")
        found = re.search(rf"{name}:\s+(\d+) kB", text)
        if found is None:
            raise RuntimeError(f"/proc tells no {name}")
        return int(found[1]) * 1024 / MB

    def by_files(self, path: Path) -> str:
        """Send a file whole."""
        with path.open("rb") as file:
            return self.sdk.files.create(file=file, purpose="fine-tune").id

    def by_uploads(self, path: Path) -> str:
        """Send a file in parts of 64 MiB, one after another."""
        done = self.sdk.uploads.upload_file_chunked(file=path, mime_type="text/jsonl", purpose="fine-tune")
        if done.file is None:
            raise RuntimeError("the completed upload has no file")
        return done.file.id

    def content_hash(self, file_id: str) -> str:
        """Read a file back and hash it."""
        with self.sdk.files.with_streaming_response.content(file_id) as answer:
            return _hashed(answer.iter_bytes(_CHUNK))


def main(arguments: list[str]) -> int:
    """Measure, print, and return 1 where content differs or memory is over the goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.uploads", description=__doc__)
    parser.add_argument("--file-mb", type=int, default=512, help="size through /v1/files")
    parser.add_argument("--upload-mb", type=int, default=3000, help="size through /v1/uploads")
    parser.add_argument("--folder", type=Path, help="where to put the files; three times the larger size is needed")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="twb-", dir=options.folder)))
        service = _served(stack, folder)
        ways = [
            Way("files", options.file_mb * MB, service.by_files),
            Way("uploads", options.upload_mb * MB, service.by_uploads),
        ]
        good = [_measured(service, way, folder) for way in ways]
    return 0 if all(good) else 1


def _served(stack: ExitStack, folder: Path) -> Service:
    url = stack.enter_context(redis_server(folder))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = {"TUNEWRIGHT_REDIS_URL": url, "TUNEWRIGHT_DATA_DIR": str(folder / "data")}
    command = [sys.executable, "-m", "service.serve"]
    started = stack.enter_context(process(command, {**environment, "TUNEWRIGHT_PORT": str(port)}))
    service = Service(port, started.pid)
    stack.callback(service.http.close)
    service.wait()
    small = folder / "small"
    small.write_bytes(os.urandom(4 * MB))
    for send in (service.by_files, service.by_uploads):
        service.content_hash(send(small))
    return service


def _measured(service: Service, way: Way, folder: Path) -> bool:
    path = folder / "big.jsonl"
    right = _write(path, way.size)
    copy_s = _timed(lambda: _copy(path, folder / "copy"))
    at_rest = service.reset_peak()
    began = time.perf_counter()
    file_id = way.send(path)
    sent_s = time.perf_counter() - began
    sent_mb = service.peak() - at_rest
    began = time.perf_counter()
    is_same = service.content_hash(file_id) == right
    read_s = time.perf_counter() - began
    extra_mb = service.peak() - at_rest
    service.sdk.files.delete(file_id)
    path.unlink()
    size = way.size / MB
    print(
        f"{way.name}: {size:,.0f} MB in at {size / sent_s:.0f} MB/s (the disk copies at {size / copy_s:.0f}), "
        f"out at {size / read_s:.0f} MB/s, {'the same bytes' if is_same else 'OTHER BYTES'}; "
        f"extra memory {sent_mb:.1f} MB in, {extra_mb:.1f} MB in and out (goal {GOAL_MB:.0f}), "
        f"at rest {at_rest:.0f} MB",
        flush=True,
    )
    return is_same and extra_mb < GOAL_MB


def _write(path: Path, size: int) -> str:
    """Write `size` bytes, no two MiB of them alike, and return their hash."""
    block = os.urandom(_CHUNK - 8)

    def chunks() -> Iterable[bytes]:
        for number, start in enumerate(range(0, size, _CHUNK)):
            yield (number.to_bytes(8, "big") + block)[: size - start]

    with path.open("wb") as file:
        for chunk in chunks():
            file.write(chunk)
        os.fsync(file.fileno())
    return _hashed(chunks())


def _copy(path: Path, copy: Path) -> None:
    shutil.copyfile(path, copy)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    copy.unlink()


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _hashed(chunks: Iterable[bytes]) -> str:
    found = hashlib.sha256()
    for chunk in chunks:
        found.update(chunk)
    return found.hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
