"""Where a dataset may be fetched from, and what becomes of a try that failed. Nothing here looks a name up."""

import re
from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

import msgspec

from service.core.addresses import MAX_URL_LENGTH, AddressPolicy, BadAddress, parse_target

Kind = Literal["web", "object", "hub"]

OBJECT_SCHEMES = ("s3", "gs", "az")
MOST_TRIES = 8
LONGEST_S = 86_400
"""How long a source is tried for, however its failures look."""

_BACKOFF_CAP_S = 900.0
_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")
_OBJECT_KEY = re.compile(r"[^\x00-\x1f\x7f%?#\\]+\Z")
_HUB = re.compile(
    r"datasets/([\w.-]{1,96}/[\w.-]{1,96})(?:@(refs/(?:convert|pr)/[\w.-]{1,100}|[\w.-]{1,100}))?/([^\x00-\x1f\x7f\\]+)\Z",
    re.ASCII,
)


class BadSource(Exception):
    """A URL that no dataset is fetched from. The message is fit for the client."""


class SourceFailed(Exception):
    """A try that brought no dataset. `retryable` says whether another one may; the message is fit for the client."""

    def __init__(self, message: str, *, retryable: bool, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A source taken apart: `url` to ask (web and hub), or `store` and `key` (objects)."""

    kind: Kind
    url: str
    store: str = ""
    key: str = ""


class SourceWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a client wants fetched, as long as it is not here; the URL may hold a signature. Times are Unix seconds."""

    url: str
    begun_at: float
    sha256: str | None = None
    tries: int = 0


def parse_source(url: str, policy: AddressPolicy, folders: Sequence[str], hub: str) -> Source:
    """Return where `url` leads, or raise BadSource.

    `folders` are the prefixes under which objects may be read, `hub` is the address of the Hugging Face hub.
    """
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or len(url) > MAX_URL_LENGTH:
        raise BadSource(f"The source must be a URL of at most {MAX_URL_LENGTH:,} characters.")
    if scheme in {"https", "http"}:
        try:
            parse_target(url, policy)
        except BadAddress as error:
            raise BadSource(str(error)) from error
        return Source(kind="web", url=url)
    if scheme in OBJECT_SCHEMES:
        return _object(scheme, rest, folders)
    if scheme == "hf":
        return Source(kind="hub", url=_resolve_url(rest, hub))
    raise BadSource("The source must begin with https://, hf://datasets/, s3://, gs:// or az://.")


def shown(url: str) -> str:
    """Return `url` without what may be secret in it: query, fragment and user."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def name_of(url: str) -> str:
    """Return the last part of the URL's path, for a label."""
    return unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]


def check_sha256(text: str | None) -> str | None:
    """Return a content hash in lower case. Raises BadSource for one that is no SHA-256 in hexadecimal."""
    if text is not None and not _SHA256.match(text):
        raise BadSource("A sha256 is 64 hexadecimal digits.")
    return None if text is None else text.lower()


def next_try_s(wish: SourceWish, failure: SourceFailed, now: float) -> float | None:
    """Return the pause before the next try of a wish whose last try is counted; None to give up."""
    if not failure.retryable or wish.tries >= MOST_TRIES or now - wish.begun_at > LONGEST_S:
        return None
    pause_s = 2.0**wish.tries if failure.retry_after_s is None else failure.retry_after_s
    return min(max(pause_s, 1.0), _BACKOFF_CAP_S)


def _object(scheme: str, rest: str, folders: Sequence[str]) -> Source:
    bucket, _, key = rest.partition("/")
    is_path = _OBJECT_KEY.match(key) and not {"", ".", ".."} & set(key.split("/"))
    if not _BUCKET.match(bucket) or not is_path:
        raise BadSource(f"The source must be {scheme}://BUCKET/KEY, without empty parts, dots alone, '%', '?' or '#'.")
    url = f"{scheme}://{bucket}/{key}"
    if not any(url.startswith(folder if folder.endswith("/") else f"{folder}/") for folder in folders):
        raise BadSource(
            f"The service may not read {scheme}://{bucket}/: it would do so with its own credentials. The operator can "
            "open a bucket or folder with source_buckets."
        )
    return Source(kind="object", url=url, store=f"{scheme}://{bucket}", key=key)


def _resolve_url(rest: str, hub: str) -> str:
    """Return the hub's documented address of a file, `/datasets/OWNER/NAME/resolve/REVISION/PATH`."""
    match = _HUB.match(rest)
    if match is None or {"", ".", ".."} & set(match[3].split("/")) or ".." in match[1]:
        raise BadSource("A file of the Hugging Face hub is hf://datasets/OWNER/NAME/PATH or …/NAME@REVISION/PATH.")
    revision = quote(match[2] or "main", safe="")
    return f"{hub.rstrip('/')}/datasets/{match[1]}/resolve/{revision}/{quote(match[3])}"
