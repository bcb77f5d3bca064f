"""Lossless cutting of text into pieces, and the vocabulary that numbers them.

A piece is a word (at most 40 characters), one CJK character, one blank or one other mark; joined they are the text.
A word that a model does not know is spelled in bytes, so that every text has a true probability under every model.
"""

import re
from collections.abc import Iterable, Iterator

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_PIECE = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])\w){{1,40}}|\s|[^\w\s]")

END = 0
"""Id of the mark that ends every answer."""
FIRST_BYTE = 1
FIRST_PIECE = FIRST_BYTE + 256


def split(text: str) -> list[str]:
    """Cut `text` into pieces; `"".join(split(text)) == text` for every text."""
    return _PIECE.findall(text)


def spell(piece: str) -> Iterator[int]:
    """Give the byte ids that spell `piece`."""
    return (FIRST_BYTE + byte for byte in piece.encode("utf-8", "surrogatepass"))


class Vocabulary:
    """Numbers pieces: 0 is the end mark, 1 to 256 are bytes, whole pieces follow in the order given."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self.pieces = tuple(pieces)
        self._ids = {piece: FIRST_PIECE + i for i, piece in enumerate(self.pieces)}

    def __len__(self) -> int:
        return FIRST_PIECE + len(self.pieces)

    def id_of(self, piece: str) -> int | None:
        """Return the id of a whole piece, or None where it has to be spelled or copied."""
        return self._ids.get(piece)

    def bytes_of(self, item: int) -> bytes:
        """Return what an id adds to the text; the end mark adds nothing."""
        if item == END:
            return b""
        if item < FIRST_PIECE:
            return bytes([item - FIRST_BYTE])
        return self.pieces[item - FIRST_PIECE].encode("utf-8", "surrogatepass")

    def extended(self, pieces: Iterable[str]) -> "Vocabulary":
        """Return a vocabulary with the new ones of `pieces` added at the end; known ids stay."""
        return Vocabulary((*self.pieces, *dict.fromkeys(p for p in pieces if p not in self._ids)))
