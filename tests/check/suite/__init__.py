"""Planted defects and clean sets, made of the same ordinary files: what the checker must find, and must not."""

from tests.check.suite.clean import CLEAN
from tests.check.suite.encodings import DECODED, ENCODINGS
from tests.check.suite.endings import ENDINGS, WHOLE
from tests.check.suite.files import FILES
from tests.check.suite.images import IMAGES
from tests.check.suite.labels import LABELS
from tests.check.suite.languages import ASKED, LANGUAGES
from tests.check.suite.lines import LINES
from tests.check.suite.planted import Planted
from tests.check.suite.repeats import REPEATS
from tests.check.suite.texts import TEXTS
from tests.check.suite.tools import TOOLS

PLANTED: tuple[Planted, ...] = (
    *ENCODINGS, *ENDINGS, *FILES, *LABELS, *LANGUAGES, *LINES, *REPEATS, *TOOLS, *IMAGES, *TEXTS,
)  # fmt: skip

INNOCENT: tuple[Planted, ...] = (*DECODED, *WHOLE, *ASKED)

__all__ = ["CLEAN", "INNOCENT", "PLANTED", "Planted"]
