"""Reads records out of files: CSV, a JSON array, JSON lines; Parquet by a process of its own."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import msgspec

from service.core.dataset.parse import NOT_READ
from service.core.dataset.values import Json, is_object
from service.core.prepare.operations import Convert
from service.prepare.parquet import parquet_rows
from service.prepare.rows import PrepareFailed, Row, read_rows

FIELD_CHARACTERS = 16 << 20
"""The longest field of a CSV file, and the longest record of a JSON array, in characters."""

_CHUNK = 1 << 20
_BLANK = " \t\r\n"
_decode = msgspec.json.Decoder().decode


class Record(NamedTuple):
    """One record and the row that it came in, or a code and a sentence that say why it can't be read."""

    row: Row
    value: Json | None
    code: str = ""
    message: str = ""


def records_in(path: Path, operation: Convert) -> Iterator[Record]:
    """Yield the records of a file. Raises PrepareFailed where it can't be read on."""
    with path.open("rb") as stream:
        kind = operation.container if operation.container != "auto" else _container_of(stream)
        if kind == "parquet":
            yield from map(record_of, parquet_rows(path))
        elif kind == "jsonl":
            yield from map(record_of, read_rows(stream, 0))
        else:
            with io.TextIOWrapper(stream, _charset(operation), newline="") as text:
                try:
                    yield from _READERS[kind](text, operation)
                except UnicodeError as error:
                    told = f"the file is not {operation.encoding}: {error.__class__.__name__}; give its `encoding`"
                    raise PrepareFailed("not_utf8", told) from error


def record_of(row: Row) -> Record:
    """Return the record on a line of JSON."""
    try:
        value = _decode(row.text)
    except NOT_READ:
        return Record(row, None, "invalid_json", "the line is no JSON")
    if not is_object(value):
        return Record(row, None, "not_an_object", "the line is no JSON object")
    return Record(row, value)


def _container_of(stream: BinaryIO) -> str:
    head = stream.read(4096)
    stream.seek(0)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00")):
        raise PrepareFailed(
            "binary_file", "the file is compressed; upload it with Content-Encoding, or unpack it first"
        )
    first = head.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip(b" \t\r\n\xff\xfe")
    return "json" if first[:1] == b"[" else "jsonl" if first[:1] == b"{" else "csv"


def _charset(operation: Convert) -> str:
    return "utf-8-sig" if operation.encoding == "utf-8" else operation.encoding


def _csv_records(text: io.TextIOWrapper, operation: Convert) -> Iterator[Record]:
    csv.field_size_limit(FIELD_CHARACTERS)
    first = text.readline(FIELD_CHARACTERS)
    delimiter = operation.delimiter or max(",;\t|", key=first.count)
    reader = csv.reader(_with(first, text), delimiter=delimiter, strict=True)
    names = _header(reader)
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if "limit" in str(error) or "unexpected end" in str(error):
                told = f"a quote is opened in the row that ends at line {reader.line_num}, and not closed"
                raise PrepareFailed("broken_row", told) from error
            yield Record(Row(0, reader.line_num, b""), None, "broken_row", str(error))
            continue
        if fields is None:
            return
        row = Row(0, reader.line_num, b"")
        if len(fields) == len(names):
            yield Record(row, dict(zip(names, fields, strict=True)))
        elif fields:
            told = f"the row has {len(fields)} fields, the header {len(names)}"
            yield Record(row, None, "wrong_number_of_fields", told)


def _with(first: str, text: io.TextIOWrapper) -> Iterator[str]:
    yield first
    while line := text.readline(FIELD_CHARACTERS):
        yield line


def _header(reader: Iterator[list[str]]) -> list[str]:
    try:
        names = [name.strip() for name in next(reader, list[str]())]
    except csv.Error as error:
        raise PrepareFailed("broken_row", f"the header can't be read: {error}") from error
    if not any(names):
        raise PrepareFailed("empty_file", "the file has no header line with the names of its columns")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PrepareFailed("repeated_column", f"the column {twice[0][:60]!r} is given more than once")
    return names


def _json_records(text: io.TextIOWrapper, operation: Convert) -> Iterator[Record]:
    del operation
    decoder = json.JSONDecoder(parse_constant=_refuse)
    held, at, number = text.read(_CHUNK).lstrip(_BLANK), 1, 0
    if held[:1] != "[":
        raise PrepareFailed("not_an_array", "the file does not begin with `[`: it is no JSON array")
    while True:
        at = _behind(held, at)
        if at >= len(held) and (more := text.read(_CHUNK)):
            held, at = more, 0
            continue
        if held[at : at + 1] == "]":
            return
        if number:
            if held[at : at + 1] != ",":
                raise PrepareFailed("invalid_json", f"the array is broken off or broken behind its record {number}")
            at += 1
        number += 1
        value, held, at = _element(text, decoder, held, at, number)
        row = Row(0, number, b"")
        yield Record(row, value) if is_object(value) else Record(row, None, "not_an_object", "the record is no object")


def _element(
    text: io.TextIOWrapper, decoder: json.JSONDecoder, held: str, at: int, number: int
) -> tuple[Any, str, int]:
    """Return the array's next element, reading on while it is not whole, what is held, and where to go on."""
    while True:
        at = _behind(held, at)
        try:
            value, end = decoder.raw_decode(held, at)
            if end < len(held):
                return value, held, end
        except RecursionError as error:
            raise PrepareFailed("nesting_too_deep", f"record {number} is nested too deep") from error
        except ValueError as error:
            if len(held) - at > FIELD_CHARACTERS:
                raise PrepareFailed("invalid_json", f"record {number} is no JSON, or longer than is read") from error
        more = text.read(max(_CHUNK, len(held) - at))
        if not more:
            raise PrepareFailed("invalid_json", f"the array is broken off or broken in its record {number}")
        held, at = held[at:] + more, 0


def _behind(held: str, at: int) -> int:
    while at < len(held) and held[at] in _BLANK:
        at += 1
    return at


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_READERS: dict[str, Callable[[io.TextIOWrapper, Convert], Iterator[Record]]] = {
    "csv": _csv_records,
    "json": _json_records,
}
