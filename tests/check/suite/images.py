"""Planted lines: images."""

from tests.check.suite.ordinary import images, picture, said
from tests.check.suite.planted import planted

IMAGES = (
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
