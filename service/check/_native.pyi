"""Compiled from service/check/native: what a check does without Python's lock. An object is one thread's at a time."""

from collections.abc import Sequence
from typing import final

@final
class Vocabulary:
    """An encoding's tokens (each behind its length in a byte) and the classes of characters, as vocab reads them.

    Raises ValueError where some byte is no token.
    """

    def __init__(self, packed: bytes, classes: bytes, cl100k: bool) -> None: ...

@final
class Counter:
    """Counts tokens as tiktoken's `encode_ordinary` does."""

    def __init__(self, vocabulary: Vocabulary) -> None: ...
    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text. Raises UnicodeEncodeError for lone surrogates, MemoryError."""

@final
class Program:
    """Steps of three 32-bit numbers each (kind, operand, next) and sets of 32 bytes. Raises ValueError."""

    def __init__(self, steps: bytes, sets: bytes) -> None: ...

@final
class Search:
    """Looks for the patterns of some programs in one pass, with so many states each before it begins anew."""

    def __init__(self, programs: Sequence[Program], states: int) -> None: ...
    @property
    def states(self) -> tuple[int, int]:
        """States in use, and how often they became too many and were made anew."""
    def find(self, text: str | bytes, which: int = ..., /) -> int:
        """Return a number whose bits tell which patterns match, of the programs whose bits are set in `which`.

        Raises UnicodeEncodeError for lone surrogates.
        """
    def find_all(self, texts: Sequence[str | bytes], which: bytes, /) -> list[tuple[int, int]]:
        """Return the places of those texts in which some pattern matches, each with its number as `find` gives it.

        `which` has a byte for each text. Raises ValueError, UnicodeEncodeError.
        """
    def places(self, text: str | bytes, most: int, /) -> list[int]:
        """Return the first places in the UTF-8 where matches begin, of one program that is written backwards."""

@final
class Found:
    """What was found in a block: rows of `lines.h` as bytes, and the texts."""

    @property
    def examples(self) -> bytes: ...
    @property
    def texts(self) -> bytes: ...
    @property
    def suspects(self) -> bytes: ...
    @property
    def left(self) -> bytes: ...
    @property
    def lines(self) -> int: ...
    def text(self, at: int, /) -> str: ...

@final
class Reader:
    """Reads plain chat lines, and counts where it is given a vocabulary. `closing` are characters that close an answer,
    64 at most."""

    def __init__(self, vocabulary: Vocabulary | None, closing: str) -> None: ...
    def examine(self, raw: bytes, longest: int, search: Search, heard: tuple[int, int, int], /) -> Found:
        """Look at the lines of a block that are shorter than `longest` bytes, and search the texts of systems, users
        and assistants for those programs whose bits are set in `heard`. Raises MemoryError."""

@final
class Tongues:
    """Tells the language of what is ASCII by common words, each with a bit for every language that it is common in.

    `kin` has 32 bits for each language, 32 at most: those that put it in no doubt; the first one is English. Raises
    ValueError.
    """

    def __init__(self, kin: bytes, words: dict[bytes, int]) -> None: ...
    def answers(self, found: Found, /) -> bytes:
        """Return a byte for each example's answer: 0 where it is not ASCII, 1 without a language that counts, else the
        language's number and 2."""
    def questions(self, found: Found, /) -> bytes:
        """Return the same for each example's last question."""

@final
class Crew:
    """Readers at work in threads of their own, each with a search, on blocks as `Reader.examine` takes them.

    Raises ValueError, TypeError, RuntimeError where no thread can be started or a reader is in use.
    """

    def __init__(
        self, readers: list[Reader], searches: list[Search], longest: int, heard: tuple[int, int, int]
    ) -> None: ...
    def give(self, raw: bytes, /) -> None:
        """Let a block be read. Raises ValueError where 64 are not taken yet."""
    def take(self) -> Found:
        """Return what was found in the first block that was given and not taken, once it was read. Raises IndexError
        without one, MemoryError."""
    def disband(self) -> None:
        """End the threads, with the blocks that they are at; readers and searches may be used again."""

def seed(secret: bytes, /) -> None:
    """Make hashes the process's own: 32 bytes."""

def hash_text(role: int, text: str | bytes, /) -> int:
    """Return 64 bits of a text that is said in a role."""

def hash_row(hashes: Sequence[int], /) -> int:
    """Return 64 bits of some hashes in their order."""

def count_feeds(text: str | bytes, /) -> int:
    """Return the number of line feeds; `bytes.count` takes ten times as long."""

def sketch(texts: list[str | bytes], factors: bytes, /) -> bytes:
    """Return a row of 64-bit numbers for each text, as `near._sketched` has them. Raises ValueError, TypeError."""

def loops(text: str | bytes, /) -> bool:
    """Return whether a text of ASCII says the same over and over, as `conversation.loops` has it."""
