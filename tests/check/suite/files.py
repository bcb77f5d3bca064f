"""Planted files: what shows only over the whole file, or beside the other split."""

import gzip
import json
import random
from collections.abc import Callable
from typing import Any

from tests.check.suite.ordinary import Line, preference
from tests.check.suite.planted import AT, NUMBER, Planted, asking, encoded, ordinary

Change = Callable[[Line], Line]
_FILE = encoded(ordinary())


def _file(
    name: str, code: str, data: bytes, line: int | None = None, method: str = "supervised", **more: Any
) -> Planted:
    return Planted(name, code, line, data, method, **more)


_WHOLE = (
    _file("nothing", "empty_file", b""),
    _file("blank lines alone", "empty_file", b"\n \n\n"),
    _file("five lines", "too_few_examples", encoded(ordinary(number=5))),
    _file("twelve lines", "few_examples", encoded(ordinary(number=12))),
    _file("a mark", "byte_order_mark", b"\xef\xbb\xbf" + _FILE, 1),
    _file("UTF-16", "not_utf8", _FILE.decode().encode("utf-16")),
    _file("UTF-16 without a mark", "not_utf8", _FILE.decode().encode("utf-16-le")),
    _file("gzip", "binary_file", gzip.compress(_FILE)),
    _file("PDF", "binary_file", b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n"),
    _file("noise", "binary_file", random.Random(7).randbytes(4000)),
    _file("an empty array", "json_array_file", b"[]\n"),
    _file("an array", "json_array_file", json.dumps(ordinary()).encode()),
    _file("an array over lines", "json_array_file", json.dumps(ordinary(), indent=2).encode()),
    _file("a blank line", "blank_line", encoded(ordinary()[:10]) + b"\n" + encoded(ordinary()[10:]), 11),
    _file("preferences for supervised", "format_mismatch", encoded([preference(at) for at in range(NUMBER)]), 1),
)
FILES = _WHOLE
__all__ = ["AT", "FILES", "asking"]
