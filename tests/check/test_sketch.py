"""Sketches by the compiled part and without it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.check import near
from service.check.compiled import native

pytestmark = pytest.mark.skipif(native is None, reason="no compiled part")

PIECES = st.sampled_from(["a", "b ", "\0", "\0\0", "é", "日本", "  ", "-", "1", "𐀀", "\ud800", "word", "longerword123"])
TEXTS = st.lists(st.one_of(st.text(), st.lists(PIECES).map("".join)), min_size=1, max_size=20)


@given(texts=TEXTS, hashes=st.sampled_from((1, 8, 64)))
def test_the_compiled_part_sketches_as_it_is_done_without(texts: list[str], hashes: int) -> None:
    compiled = near._sketch(texts, hashes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "native", None)
        plain = near._sketch(texts, hashes)
    assert np.array_equal(compiled, plain)


def test_what_is_no_sketch_is_refused() -> None:
    assert native is not None
    with pytest.raises(ValueError, match="1 to 64 factors"):
        native.sketch(["a"], b"")
    with pytest.raises(ValueError, match="1 to 64 factors"):
        native.sketch(["a"], bytes(65 * 8))
    with pytest.raises(TypeError):
        native.sketch(("a",), bytes(8))  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        native.sketch([1], bytes(8))  # pyright: ignore[reportArgumentType]
    with pytest.raises(UnicodeEncodeError):
        native.sketch(["\ud800"], bytes(8))
    assert native.sketch([], bytes(8)) == b""
    assert len(native.sketch([""], bytes(16))) == 24
