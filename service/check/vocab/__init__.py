"""OpenAI's token vocabularies, packed, rebuilt byte for byte and verified by SHA-256."""

import base64
import hashlib
import lzma
from collections.abc import Iterator
from importlib import resources

SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}

PACKED_SHA256 = {
    "cl100k_base": "3208ff089538356f91190e4abe4f6b1126b65045c189e60d7c5475580d6fc3b9",
    "o200k_base": "74c6f5af06dd76707df670b80098f8be24afcd25ffae041f3df869abdcf63f65",
}
"""Of the packed files as they are shipped: quick to compare, where `SHA256` needs them unpacked."""


class VocabularyDamaged(Exception):
    """A vocabulary shipped with the project is missing or is not the file that OpenAI published."""


def pack(published: bytes) -> bytes:
    """Return the compact form of a `.tiktoken` file: each token's length and bytes, in order of rank, then xz."""
    tokens = [base64.b64decode(line.split()[0]) for line in published.splitlines()]
    packed = b"".join(bytes((len(token),)) + token for token in tokens)
    return lzma.compress(packed, preset=9 | lzma.PRESET_EXTREME)


def check_shipped() -> None:
    """Raise VocabularyDamaged unless every packed file is there, whole; takes some milliseconds."""
    for name, expected in PACKED_SHA256.items():
        try:
            packed = _packed(name)
        except OSError as error:
            raise VocabularyDamaged(f"vocabulary {name} cannot be read: {error}; install the project again") from error
        if hashlib.sha256(packed).hexdigest() != expected:
            raise VocabularyDamaged(f"vocabulary {name} is not the one that was shipped; install the project again")


def read_tokens(name: str) -> list[bytes]:
    """Return the tokens of encoding `name` in order of rank, verified; raises VocabularyDamaged, KeyError."""
    expected = SHA256[name]
    try:
        tokens = list(_unpack(lzma.decompress(_packed(name))))
    except (OSError, lzma.LZMAError, IndexError) as error:
        raise VocabularyDamaged(f"vocabulary {name} cannot be read: {error}") from error
    published = b"".join(base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens))
    if hashlib.sha256(published).hexdigest() != expected:
        raise VocabularyDamaged(f"vocabulary {name} differs from the published one; install the project again")
    return tokens


def _packed(name: str) -> bytes:
    return resources.files(__package__ or __name__).joinpath(f"{name}.xz").read_bytes()


def _unpack(packed: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(packed):
        end = at + 1 + packed[at]
        yield packed[at + 1 : end]
        at = end
