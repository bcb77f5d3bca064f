"""Files that appear whole or not at all, and take no other file's place unless that is wanted."""

import os
import secrets
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO


class OutputRefused(Exception):
    """An output is there already, or is one of the inputs."""


@contextmanager
def outputs(paths: Sequence[Path], inputs: Sequence[Path], *, force: bool) -> Generator[list[IO[bytes]]]:
    """Open a temporary file beside each path; all are renamed at the end, none where an exception ends the context.

    Raises OutputRefused and OSError.
    """
    _check(paths, inputs, force=force)
    with ExitStack() as stack:
        temporary = [path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp") for path in paths]
        for path in temporary:
            stack.callback(path.unlink, missing_ok=True)
        files: list[IO[bytes]] = [stack.enter_context(path.open("xb+")) for path in temporary]
        yield files
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        _check(paths, inputs, force=force)
        for path, new in zip(paths, temporary, strict=True):
            new.replace(path)


def _check(paths: Sequence[Path], inputs: Sequence[Path], *, force: bool) -> None:
    read = {path.resolve() for path in inputs}
    if len({path.resolve() for path in paths}) < len(paths):
        raise OutputRefused("The two outputs are one file.")
    for path in paths:
        if path.resolve() in read:
            raise OutputRefused(f"{path} is read: originals are never changed. Choose another output.")
        if path.exists() and not force:
            raise OutputRefused(f"{path} is there already. Choose another output, or give --force.")
