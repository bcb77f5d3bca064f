"""Rules of images in user messages. Source: OpenAI's vision fine-tuning guide."""

import re
from collections.abc import Sequence
from typing import Any

from service.core.dataset.defects import Defect, Found
from service.core.dataset.lines import ImagePart
from service.core.dataset.values import is_list

MAX_IMAGES = 10
MAX_IMAGE_BYTES = 10_000_000
_REFUSED_FILES = re.compile(r"\.(?:gif|bmp|tiff?|svg|ico|heic|avif|pdf|mp4|psd)\Z", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
_OTHER_FILES = ("R0lGOD", "Qk0", "SUkqAA", "TU0AKg", "PHN2Zy", "PD94bWw", "JVBERi", "UEsDB", "AAAAHGZ0eXA", "PCFET0NU")
"""How GIF, BMP, TIFF, SVG, XML, PDF, ZIP, HEIF and HTML begin in base64."""

_DATA_TYPES = ("image/jpeg", "image/jpg", "image/png", "image/webp")


def check_images(parts: Sequence[Any], found: Found, path: str) -> None:
    """Find images that a trainer would skip or refuse; texts among the parts are not looked at."""
    for at, part in enumerate(parts):
        if isinstance(part, ImagePart) and (wrong := _wrong_with(part.image_url.url)):
            found.append(Defect("image_invalid", f"{path}[{at}].image_url.url", wrong))


def check_image_count(contents: Sequence[Any], found: Found) -> None:
    """Find an example with more images than a trainer takes. `contents` are those of all its messages."""
    number = sum(isinstance(part, ImagePart) for parts in contents if is_list(parts) for part in parts)
    if number > MAX_IMAGES:
        found.append(
            Defect("image_invalid", "messages", f"{number} images in one example, at most {MAX_IMAGES} are taken")
        )


def _wrong_with(url: str) -> str | None:
    if url.startswith(("http://", "https://")):
        host, _, path = url.partition("://")[2].partition("/")
        if not host:
            return "the address is empty"
        if any(map(str.isspace, url)):
            return "the address holds blanks"
        return "the file is not JPEG, PNG or WEBP" if _REFUSED_FILES.search(path.partition("?")[0]) else None
    if not url.startswith("data:"):
        return "the address is neither http(s) nor a data URL"
    head, comma, body = url.partition(",")
    kind, _, coding = head[5:].partition(";")
    if kind.lower() not in _DATA_TYPES:
        return "the data URL is not JPEG, PNG or WEBP"
    if coding.lower() != "base64" or not comma or not body:
        return "the data URL holds no base64 data"
    if not body.startswith("~") and not _BASE64.match(body):
        return "the data URL is not base64"
    if body.startswith(_OTHER_FILES):
        return "the data is that of another kind of file"
    if _length(body) * 3 // 4 > MAX_IMAGE_BYTES:
        return f"the image is larger than {MAX_IMAGE_BYTES // 1_000_000} MB"
    return None


def _length(body: str) -> int:
    """Return the length of base64, also where the checker has put `~length~…` in its place."""
    number = body[1:].partition("~")[0]
    return int(number) if body.startswith("~") and number.isdecimal() else len(body)
