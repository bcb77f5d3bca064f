"""Rules of images in user messages. Source: OpenAI's vision fine-tuning guide."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

from service.core.dataset.addresses import wrong_with_address
from service.core.dataset.defects import Defect, Found
from service.core.dataset.lines import ImagePart
from service.core.dataset.pictures import Picture, wrong_with
from service.core.dataset.values import is_list

MAX_IMAGES = 10
MAX_IMAGE_BYTES = 10_000_000
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
_SHORTENED = re.compile(r"~(\d{1,12})~\d+~\d+~([A-Za-z0-9+/=]{64})~([A-Za-z0-9+/=]{64})~\Z")
_KEPT = 64
_PLAIN = str.maketrans("-_", "+/")
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
    if not url.startswith("data:"):
        return wrong_with_address(url)
    head, comma, body = url.partition(",")
    kind, _, coding = head[5:].partition(";")
    if kind.lower() not in _DATA_TYPES:
        return "the data URL is not JPEG, PNG or WEBP"
    if coding.lower() != "base64" or not comma or not body:
        return "the data URL holds no base64 data"
    parts = _parts_of(body)
    if parts is None:
        return "the data URL is not base64"
    size, first, last = parts
    if size * 3 // 4 > MAX_IMAGE_BYTES:
        return f"the image is larger than {MAX_IMAGE_BYTES // 1_000_000} MB"
    if size % 4 == 1:
        return "the data URL is cut off within its base64"
    padding = len(last) - len(last.rstrip("="))
    return wrong_with(Picture(_decoded(first), _decoded(last[-size % 4 :]), (size - padding) * 3 // 4))


def _parts_of(body: str) -> tuple[int, str, str] | None:
    """Return the length of base64, its beginning and its end, None where it is none.

    The beginning is all of it, but where the checker has put `~length~sum~sum~beginning~end~` in its place.
    """
    if (short := _SHORTENED.match(body)) is not None:
        return int(short[1]), short[2], short[3]
    if _BASE64.match(body) is None:
        return None
    return len(body), body, body[-_KEPT:]


def _decoded(body: str) -> bytes:
    plain = body.rstrip("=").translate(_PLAIN)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return b""
