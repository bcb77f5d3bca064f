"""Addresses of images: whether a trainer can fetch an image from there."""

import ipaddress
import re

_REFUSED_FILES = re.compile(r"\.(?:gif|bmp|tiff?|svg|ico|heic|heif|avif|pdf|mp4|mov|webm|psd|html?)\Z", re.IGNORECASE)
_LOCAL = re.compile(
    r"(?i)(?:\A|\.)(?:localhost|local|localdomain|internal|intranet|lan|corp|home\.arpa|invalid)\Z|\A[a-z0-9_-]+\Z"
)
_NUMBERS = re.compile(r"(?:0x[0-9a-fA-F]+|[0-9.]+)\Z")
_PAGES = re.compile(
    r"(?i)drive\.google\.com/(?:file/|open\?|drive/)|docs\.google\.com/|photos\.(?:app\.goo\.gl|google\.com)/"
    r"|github\.com/[^/]+/[^/]+/blob/(?!.*[?&]raw=true)|(?:[a-z]+\.)?wikipedia\.org/wiki/"
    r"|commons\.wikimedia\.org/wiki/(?!Special:)"
    r"|(?:www\.)?dropbox\.com/(?!.*[?&](?:raw|dl)=1)|(?:www\.)?imgur\.com/(?:a/|gallery/)?\w+/?\Z"
    r"|(?:www\.)?flickr\.com/photos/|1drv\.ms/|onedrive\.live\.com/(?!download)"
    r"|(?:www\.)?icloud\.com/|(?:www\.)?youtube\.com/"
)
"""Pages that show an image, and are none."""


def wrong_with_address(url: str) -> str | None:
    """Return why an address that is no data URL leads to no image that a trainer takes, or None."""
    if not url.startswith(("http://", "https://")):
        return "the address is neither http(s) nor a data URL"
    rest = url.partition("://")[2]
    place, _, path = rest.partition("/")
    host = _host_of(place.partition("?")[0].partition("#")[0])
    if not host:
        return "the address is empty"
    if any(map(str.isspace, url)):
        return "the address holds blanks"
    if _is_private(host):
        return "the address lies within a private network or on one machine"
    if _PAGES.match(f"{host}/{path}"):
        return "the address is that of a page, not of an image"
    return "the file is not JPEG, PNG or WEBP" if _REFUSED_FILES.search(re.split("[?#]", path, maxsplit=1)[0]) else None


def _host_of(place: str) -> str:
    host = place.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return _NUMBERS.match(host) is not None or _LOCAL.search(host) is not None
