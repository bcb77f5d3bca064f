"""Reads Parquet files (extra `parquet`) in a process of its own: its library may take any amount of memory for a
hostile file, and ends the process where it gives up. `python -m service.prepare.parquet FILE` writes JSON lines."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from service.prepare.rows import PrepareFailed, Row, read_rows

MEMORY_BYTES = 2 << 30
"""Address space of the process that reads."""

_READER = "arro3.io"
_BATCH_ROWS = 64
_MISSING, _UNREADABLE = 3, 4
_TOLD = {
    _MISSING: ("parquet_not_installed", "Parquet files need the extra `parquet`: pip install 'tunewright[parquet]'"),
    _UNREADABLE: ("invalid_parquet", "the file is no Parquet file, damaged, or of a kind that is not read"),
}


def parquet_rows(path: Path) -> Iterator[Row]:
    """Yield each row of a file as a line of JSON. Raises PrepareFailed."""
    command = [sys.executable, "-m", "service.prepare.parquet", _READER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        try:
            yield from read_rows(cast("Any", process.stdout), 0)
        except GeneratorExit:
            process.kill()
            raise
        if process.wait():
            told = "the file needs more memory to be read than there is, or made the reader fail"
            raise PrepareFailed(*_TOLD.get(process.returncode, ("invalid_parquet", told)))


def main(reader: str, path: str) -> int:
    """Write the rows of the file at `path`, as module `reader` reads them; return the exit status."""
    _limit_memory()
    try:
        library = importlib.import_module(reader)
    except ImportError:
        return _MISSING
    encode = msgspec.json.Encoder().encode
    try:
        for batch in library.read_parquet(path, batch_size=_BATCH_ROWS):
            for row in batch.to_struct_array().to_pylist():
                sys.stdout.buffer.write(encode(_plain(row)) + b"\n")
    except (KeyboardInterrupt, SystemExit, BrokenPipeError):
        raise
    except BaseException:  # noqa: BLE001 - a Rust panic is no Exception
        return _UNREADABLE
    sys.stdout.buffer.flush()
    return 0


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _plain(value: Any) -> Any:
    """Return a value without bytes: columns of text without the mark of it are read as UTF-8."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in cast("dict[Any, Any]", value).items()}
    return value


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
