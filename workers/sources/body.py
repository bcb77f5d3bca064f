"""A source that answers."""

from collections.abc import AsyncIterator
from typing import NamedTuple


class Body(NamedTuple):
    """The raw bytes as they come, and their content encoding (empty for none)."""

    chunks: AsyncIterator[bytes]
    encoding: str
