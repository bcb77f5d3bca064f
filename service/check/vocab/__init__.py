"""OpenAI's token vocabularies, packed and verified by SHA-256."""

import base64
import hashlib
import lzma
from collections.abc import Iterable, Iterator
from importlib import resources

SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
"""Of the published files, which the packed ones can be turned into again, byte for byte."""

PACKED_SHA256 = {
    "cl100k_base": "3208ff089538356f91190e4abe4f6b1126b65045c189e60d7c5475580d6fc3b9",
    "o200k_base": "74c6f5af06dd76707df670b80098f8be24afcd25ffae041f3df869abdcf63f65",
    "classes": "1142c6a2c65d45b6fb40e93338b6739f39aca0479d946d4ca1ec73ced7fb759a",
}
"""Of the packed files as they are shipped; tests turn the vocabularies into the published ones, and ask tiktoken again
for the classes of characters."""


class VocabularyDamaged(Exception):
    """A vocabulary shipped with the project is missing or is not the file that OpenAI published."""


def pack(published: bytes) -> bytes:
    """Return the compact form of a `.tiktoken` file: each token's length and bytes, in order of rank, then xz."""
    tokens = [base64.b64decode(line.split()[0]) for line in published.splitlines()]
    packed = b"".join(bytes((len(token),)) + token for token in tokens)
    return lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME)


def published(tokens: Iterable[bytes]) -> bytes:
    """Return the `.tiktoken` file of tokens in order of rank."""
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))


def verify(name: str) -> int:
    """Compare an encoding with the published file; return its number of tokens. Raises VocabularyDamaged, KeyError."""
    tokens = read_tokens(name)
    if hashlib.sha256(published(tokens)).hexdigest() != SHA256[name]:
        raise VocabularyDamaged(f"vocabulary {name} differs from the published one; install the project again")
    return len(tokens)


def check_shipped() -> None:
    """Raise VocabularyDamaged unless every packed file is there, whole; takes some milliseconds."""
    for name in PACKED_SHA256:
        _packed(name)


def read_tokens(name: str) -> list[bytes]:
    """Return the tokens of encoding `name` in order of rank, verified; raises VocabularyDamaged, KeyError."""
    return list(_unpack(read_packed(name)))


def read_packed(name: str) -> bytes:
    """Return an encoding's tokens in order of rank, each behind its length in a byte, or the `classes` as
    vocab/classes.py describes them; verified. Raises VocabularyDamaged, KeyError."""
    return lzma.decompress(_packed(name))


def _packed(name: str) -> bytes:
    """Return a packed file, verified."""
    expected = PACKED_SHA256[name]
    try:
        packed = resources.files(__package__ or __name__).joinpath(f"{name}.xz").read_bytes()
    except OSError as error:
        raise VocabularyDamaged(f"vocabulary {name} cannot be read: {error}; install the project again") from error
    if hashlib.sha256(packed).hexdigest() != expected:
        raise VocabularyDamaged(f"vocabulary {name} is not the one that was shipped; install the project again")
    return packed


def _unpack(packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed):
        end = at + 1 + packed[at]
        yield packed[at + 1 : end]
        at = end
