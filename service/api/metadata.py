"""OpenAI's rules for `metadata`."""

from collections.abc import Mapping

from service.core.errors import InvalidRequest

MAX_PAIRS = 16
MAX_KEY = 64
MAX_VALUE = 512


def check_metadata(pairs: Mapping[str, str]) -> dict[str, str]:
    """Return the pairs. Raises InvalidRequest for too many or too long ones."""
    if len(pairs) > MAX_PAIRS:
        raise InvalidRequest(f"metadata may hold at most {MAX_PAIRS} pairs, not {len(pairs)}.", param="metadata")
    for key, value in pairs.items():
        if not 1 <= len(key) <= MAX_KEY:
            raise InvalidRequest(f"A metadata key must have 1 to {MAX_KEY} characters.", param="metadata")
        if len(value) > MAX_VALUE:
            raise InvalidRequest(f"A metadata value may have at most {MAX_VALUE} characters.", param=f"metadata.{key}")
    return dict(pairs)
