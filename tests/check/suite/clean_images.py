"""Clean sets of images: of every kind that is taken, and from everywhere."""

from collections.abc import Callable

from tests.check.suite.ordinary import Line, picture
from tests.check.suite.pictures import jpeg, png, url, webp

_PLACES = (
    "https://images.example.org/cats/{}.jpg?width=600#top",
    "http://203.0.114.{}/cat.png",
    "https://bucket.s3.eu-west-1.amazonaws.com/{}.webp?X-Amz-Expires=600&X-Amz-Signature=0a1b",
    "https://i.imgur.com/a{}.png",
    "https://raw.githubusercontent.com/acme/cats/main/{}.png",
    "https://github.com/acme/cats/blob/main/{}.png?raw=true",
    "https://upload.wikimedia.org/wikipedia/commons/a/a{}/Cat.jpg",
    "https://www.dropbox.com/s/abc{}/cat.png?raw=1",
    "https://drive.google.com/uc?export=download&id=1AbC{}",
    "https://user@cdn.example.com:8443/{}",
    "https://1.2.3.4.example.net/{}.jpeg",
)


def _bytes(at: int) -> Line:
    """Give the bytes themselves."""
    kinds = (
        url("png", png(at)),
        url("jpeg", jpeg(3, at)),
        url("jpg", jpeg(1, at) + b"\0 trailer of a camera"),
        url("webp", webp(b"VP8L", at)),
        url("webp", webp(b"VP8 ", at)),
        url("webp", webp(b"VP8X", at)),
        url("jpeg", png(at)),
        url("png", png(at)).rstrip("="),
        url("png", png(at)).replace("+", "-").replace("/", "_").replace("data:image_", "data:image/"),
        url("png", png(at, 900_000)) if at == 9 else url("png", png(at, 900)),
        url("jpeg", jpeg(3, at, 900_000)) if at == 10 else url("jpeg", jpeg(3, at, 900)),
    )
    return picture(kinds[at % len(kinds)], at)


SHOWN: dict[str, tuple[str, Callable[[int], Line]]] = {
    "images by their bytes": ("supervised", _bytes),
    "images from everywhere": ("supervised", lambda at: picture(_PLACES[at % len(_PLACES)].format(at), at)),
}
