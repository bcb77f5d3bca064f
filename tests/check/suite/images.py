"""Planted lines: images."""

from tests.check.suite.ordinary import images, picture, said
from tests.check.suite.pictures import jpeg, png, url, webp
from tests.check.suite.planted import planted

_PLACES = (
    "http://127.0.0.1:8000/a.png",
    "http://localhost/a.png",
    "https://10.0.0.3/a.jpg",
    "http://192.168.1.4/a.png",
    "http://172.20.0.2:9000/bucket/a.webp",
    "http://169.254.10.1/a.png",
    "http://[::1]/a.png",
    "http://[fd00::7]:8080/a.png",
    "http://0.0.0.0/a.png",
    "http://images.internal/a.png",
    "http://minio:9000/bucket/a.png",
    "https://user:word@nas.local/a.png",
    "https://drive.google.com/file/d/1AbCdEf/view?usp=sharing",
    "https://www.dropbox.com/s/abc/cat.png?dl=0",
    "https://github.com/acme/cats/blob/main/cat.png",
    "https://en.wikipedia.org/wiki/File:Cat.jpg",
    "https://imgur.com/a1B2c3D",
    "https://example.org/a.heic",
)
_BYTES = {
    "PNG without its end": url("png", png()[:-12]),
    "PNG cut in its middle": url("png", png()[:50]),
    "PNG of two chunks": url("png", png()[:33]),
    "PNG with a chunk misnamed": url("png", png().replace(b"IDAT", b"ID\0T")),
    "PNG with a byte changed": url("png", png()[:45] + b"x" + png()[46:]),
    "PNG without width": url("png", png()[:16] + bytes(4) + png()[20:]),
    "PNG of five bytes": url("png", png()[:5]),
    "large PNG without its end": url("png", png(1, 900_000)[:-12]),
    "JPEG without its end": url("jpeg", jpeg()[:-2]),
    "JPEG cut in its header": url("jpeg", jpeg()[:60]),
    "JPEG in CMYK": url("jpeg", jpeg(4)),
    "WEBP cut at its end": url("webp", webp()[:-9]),
    "large WEBP cut at its end": url("webp", b"RIFF\0\0\xf0\0WEBPVP8X" + bytes(900_000)),
    "WEBP of no known kind": url("webp", webp(b"VP9X")),
    "base64 cut off": url("png", png()).rstrip("=")[:-3],
    "text": url("png", b"Here would be a picture of a cat."),
    "HTML page": url("jpeg", b"<!DOCTYPE html><title>404</title>"),
    "film": url("png", b"\0\0\0\x20ftypisom\0\0\2\0"),
}
_PLANTED = (
    *(
        planted(f"image of {place[:40]}", "image_invalid", lambda _, place=place: picture(place), images)
        for place in _PLACES
    ),
    *(
        planted(f"image: {named}", "image_invalid", lambda _, given=given: picture(given), images)
        for named, given in _BYTES.items()
    ),
)
_OTHERS = (
    *(
        planted(f"image {named}", "image_invalid", lambda _, url=url: picture(url), images)
        for named, url in {
            "by ftp": "ftp://example.org/a.png",
            "of this machine": "file:///a.png",
            "GIF": "https://example.org/a.gif",
            "SVG data": "data:image/svg+xml;base64,PHN2Zz4=",
            "no base64": "data:image/png;base64,!!no!!",
            "of GIF data said to be PNG": "data:image/png;base64,R0lGODlhAQABAAAAACw=",
            "with a blank in its address": "https://example.org/my cat.png",
            "of 11 MB": "data:image/png;base64,iVBORw0K" + "A" * 15_000_000,
        }.items()
    ),
    planted(
        "eleven images",
        "image_invalid",
        lambda line: said(("user", line["messages"][0]["content"][1:] * 11), ("assistant", "Cats.")),
        images,
    ),
    planted(
        "image in an answer",
        "image_invalid",
        lambda line: said(("user", "Draw a cat."), ("assistant", line["messages"][0]["content"][1:])),
        images,
    ),
)
IMAGES = (*_PLANTED, *_OTHERS)
