"""Tokenizers of open models: what is known of one before it counts."""

import hashlib

import msgspec

MOST_BYTES = 256 << 20
"""Eight times the largest `tokenizer.json` known; one takes some ten times its file in memory."""


class ChatTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """How a model's chats are written: a Jinja template, and the tokens that it may name (`bos_token`)."""

    source: str
    tokens: tuple[tuple[str, str], ...] = ()


class OpenTokenizer(msgspec.Struct, frozen=True, kw_only=True):
    """A `tokenizer.json` as it was found: `sha256` is that of its bytes, so that no other counts for it.

    `template` is None where no chat template lies beside it; `library` is the version of what reads it.
    """

    file: str
    sha256: str
    template: ChatTemplate | None = None
    library: str = ""

    @property
    def name(self) -> str:
        """Return what its counts are named by: the same for the same tokenizer and template, wherever they lie."""
        layout = b"" if self.template is None else msgspec.json.encode(self.template)
        return f"tokenizer:{hashlib.sha256(self.sha256.encode() + layout).hexdigest()[:12]}"
