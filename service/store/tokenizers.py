"""Finds an open model's tokenizer in files of the operator's, and says what to do where they are no such thing."""

import hashlib
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import msgspec

from service.core.tokenizers import MOST_BYTES, ChatTemplate, OpenTokenizer

FILE, CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
_MOST_BESIDE = 16 << 20
_NOT_READ = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_SAVED = "write one with `save_pretrained` of transformers' fast tokenizers"


class TokenizerInvalid(Exception):
    """There is no tokenizer at that place. The message names the file, for the operator alone, and says what to do."""


class _Model(msgspec.Struct):
    vocab: msgspec.Raw


class _File(msgspec.Struct):
    """What a `tokenizer.json` has at least; whether it can count shows when it is opened."""

    model: _Model


class _Named(msgspec.Struct):
    name: str
    template: str


class _Token(msgspec.Struct):
    content: str


class _Config(msgspec.Struct):
    chat_template: str | list[_Named] | None = None
    bos_token: str | _Token | None = None
    eos_token: str | _Token | None = None
    unk_token: str | _Token | None = None
    pad_token: str | _Token | None = None


def find_tokenizer(path: Path) -> OpenTokenizer:
    """Return the tokenizer at `path`: a `tokenizer.json`, or a folder with one, whose chat template is taken, too.

    Nothing is fetched. Raises TokenizerInvalid.
    """
    if find_spec("tokenizers") is None:
        raise TokenizerInvalid("Open tokenizers need an extra: pip install 'tunewright[open]'.")
    try:
        return _found(path)
    except OSError as error:
        raise TokenizerInvalid(f"{path} can't be read: {error.strerror}.") from error


def _found(path: Path) -> OpenTokenizer:
    file = path / FILE if path.is_dir() else path
    if not file.exists():
        there = f"The folder {path} holds no {FILE}" if path.is_dir() else f"There is no file {path}"
        raise TokenizerInvalid(f"{there}: {_SAVED}.")
    raw = _read(file, MOST_BYTES)
    try:
        msgspec.json.decode(raw, type=_File)
    except _NOT_READ as error:
        raise TokenizerInvalid(f"{file} is no {FILE} ({error}): {_SAVED}.") from error
    template = _template_in(path) if path.is_dir() else None
    return OpenTokenizer(
        file=str(file.absolute()),
        sha256=hashlib.sha256(raw).hexdigest(),
        template=template,
        library=version("tokenizers"),
    )


def _template_in(folder: Path) -> ChatTemplate | None:
    """Return the folder's chat template: that of its own file, else the configuration's."""
    config = _config_in(folder)
    source = _read(folder / TEMPLATE, _MOST_BESIDE) if (folder / TEMPLATE).exists() else None
    try:
        text = _default_of(config) if source is None else source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TokenizerInvalid(f"{folder / TEMPLATE} is not UTF-8: {error}.") from error
    if text is None:
        return None
    named = {name: getattr(config, name) for name in ("bos_token", "eos_token", "unk_token", "pad_token")}
    tokens = {name: cast("str | _Token", token) for name, token in named.items() if token is not None}
    return ChatTemplate(
        source=text,
        tokens=tuple((name, token if isinstance(token, str) else token.content) for name, token in tokens.items()),
    )


def _config_in(folder: Path) -> _Config:
    file = folder / CONFIG
    if not file.exists():
        return _Config()
    try:
        return msgspec.json.decode(_read(file, _MOST_BESIDE), type=_Config)
    except _NOT_READ as error:
        raise TokenizerInvalid(f"{file} can't be read ({error}): mend it, or name {folder / FILE} alone.") from error


def _default_of(config: _Config) -> str | None:
    """Return the template of a configuration; of several with names, the one that chats are written with by default."""
    if not isinstance(config.chat_template, list):
        return config.chat_template
    return next((each.template for each in config.chat_template if each.name == "default"), None)


def _read(file: Path, most: int) -> bytes:
    """Read a file that is one, and not too large to be what it should be."""
    if not file.is_file():
        raise TokenizerInvalid(f"{file} is no file.")
    size = file.stat().st_size
    if size > most:
        raise TokenizerInvalid(f"{file} has {size:,} bytes; none has more than {most:,}. Is it the model itself?")
    with file.open("rb") as stream:
        return stream.read(most)
