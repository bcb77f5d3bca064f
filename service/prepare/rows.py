"""Lines on their way from one file to another, and a spool on disk for operations that look at all of them twice."""

import struct
import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

ROW_BYTES = 64 << 20
"""The longest line that is carried; `clean` drops longer ones, all other operations refuse them."""

_READ_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_HEAD = struct.Struct("<HBQI")


class PrepareFailed(Exception):
    """The datasets can't be made; the text says why and what to do. `operation` is the index of the one at fault."""

    def __init__(self, code: str, message: str, operation: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.operation = operation


class Row(NamedTuple):
    """A line without its line feed; `data` is None where it is too long to be carried.

    `source` is the file that it came from (0: the one that is prepared) and `line` its place there, from 1. `part` is
    the output that it goes to.
    """

    source: int
    line: int
    data: bytes | None
    changed: bool = False
    part: int = 0

    @property
    def text(self) -> bytes:
        """Return the line. Raises PrepareFailed where it was too long."""
        if self.data is None:
            told = f"line {self.line} is longer than {ROW_BYTES >> 20} MB; put the operation `clean` first to drop it"
            raise PrepareFailed("line_too_long", told)
        return self.data


def read_rows(stream: BinaryIO, source: int) -> Iterator[Row]:
    """Yield the lines of a stream that are not blank; a byte order mark is not part of the first."""
    for number, data in enumerate(_lines(stream), 1):
        if number == 1 and data is not None:
            data = data.removeprefix(_BOM)
        if data is None or (data and not data.isspace()):
            yield Row(source, number, data)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    rest: list[bytes] = []
    held = 0
    skipping = False
    while data := stream.read(_READ_BYTES):
        *whole, last = data.split(b"\n")
        for line in whole:
            yield None if skipping or held + len(line) > ROW_BYTES else b"".join((*rest, line))
            rest, held, skipping = [], 0, False
        held += len(last)
        if held > ROW_BYTES:
            rest, skipping = [], True
        elif last:
            rest.append(last)
    if held:
        yield None if skipping else b"".join(rest)


class Spool:
    """Rows in a file without a name, which is gone when its process is; rows can be read again and again."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._file = tempfile.TemporaryFile(prefix="tunewright-prepare-")  # noqa: SIM115 (closed by __exit__)
        self._count = 0
        try:
            for row in rows:
                self._write(row)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        self._file.seek(0)
        while head := self._file.read(_HEAD.size):
            source, flags, line, size = _HEAD.unpack(head)
            yield Row(source, line, self._file.read(size), bool(flags & 1), flags >> 1)

    def _write(self, row: Row) -> None:
        data = row.text
        self._file.write(_HEAD.pack(row.source, row.changed | row.part << 1, row.line, len(data)))
        self._file.write(data)
        self._count += 1
