"""Who counts a dataset's tokens, or why nobody does."""

from typing import NamedTuple

from service.check.lengths import TextCounter, TokenizerUnusable
from service.check.tokens import counter_for
from service.core.dataset.profile import CheckProfile


class Counting(NamedTuple):
    """`why` says what is amiss without a counter; only if `compiled` are lines read by compiled code."""

    counter: TextCounter | None
    why: str
    compiled: bool = True


def counting_for(profile: CheckProfile, *, compiled: bool) -> Counting:
    """Return who counts for a model."""
    try:
        counter = counter_for(profile.encoding, profile.tokenizer, compiled=compiled)
    except TokenizerUnusable as error:
        return Counting(None, str(error), compiled)
    return Counting(counter, f"no vocabulary of {profile.encoding} is shipped", compiled)
