"""What an answer may depend on: the conversation before it, as hashed features and as places to copy from."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import msgspec
import numpy as np

from workers.training.tiny.hashing import Array, Hasher, mix, mix_arrays, rows
from workers.training.tiny.pieces import split
from workers.training.tiny.rendering import Prompt

MAX_PROMPT_FEATURES = 384
MAX_COPY_PLACES = 384
MAX_HISTORY_WORDS = 48
MAX_TEXT_PIECES = 4_096
KEY_FEATURES = 7
_STEM = 5

_BIGRAM, _STEMMED, _HISTORY, _ALWAYS = 12, 13, 14, 15
_KEY_SALTS = np.arange(21, 21 + KEY_FEATURES, dtype=np.uint64)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt made ready for the model.

    `features` (uint64, never empty) are what the answer's state is crossed with. Places to copy from are sorted by
    word: place j lies in the text at `order[j]`, has feature rows `keys[j]`, and words start at `starts`; place 0 is
    a dummy that can't be chosen. `words` holds the text of each distinct word, in the order of `starts`.
    """

    rules: int
    features: Array
    keys: Array
    order: Array
    starts: Array
    words: tuple[str, ...]
    sequence: tuple[str, ...]
    lowered: tuple[int, ...]
    pieces: int


def shape_of(word: str) -> str:
    """Return a coarse look: digits, capitals, lower case, mark; with its length up to 4."""
    if word.isdigit():
        kind = "9"
    elif word[:1].isupper():
        kind = "A" if word.isupper() and len(word) > 1 else "Aa"
    else:
        kind = "a" if word[:1].isalnum() else word[:1]
    return f"{kind}{min(len(word), 4)}"


def build(prompt: Prompt, hasher: Hasher) -> Context:
    """Turn a prompt into features; texts beyond 4,096 pieces keep their end, which is nearest to the answer."""
    last, history, rule_pieces = (split(t)[-MAX_TEXT_PIECES:] for t in (prompt.last, prompt.history, prompt.rules))
    asked = [piece for piece in last if not piece.isspace()]
    earlier = [piece for piece in history if not piece.isspace()]
    places = (earlier + asked)[-MAX_COPY_PLACES:]
    first_asked = max(0, len(places) - len(asked))
    keys, order, starts, words = _places(places, first_asked, hasher)
    return Context(
        rules=hasher.of(prompt.rules),
        features=_features(asked, earlier, hasher),
        keys=keys,
        order=order,
        starts=starts,
        words=words,
        sequence=tuple(places),
        lowered=tuple(hasher.of(word.lower()) for word in places),
        pieces=len(last) + len(history) + len(rule_pieces),
    )


def _hashes(words: Sequence[str], hasher: Hasher) -> Array:
    return np.fromiter((hasher.of(word) for word in words), dtype=np.uint64, count=len(words))


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def _features(asked: Sequence[str], earlier: Sequence[str], hasher: Hasher) -> Array:
    """Words of the question, their stems and pairs, and some words from before, the nearest to the answer first."""
    low = [word.lower() for word in asked]
    words = _distinct(low)
    stems = _distinct(word[:_STEM] for word in low if len(word) > _STEM)
    past = _distinct(word.lower() for word in earlier[-MAX_HISTORY_WORDS:])
    pairs = list(dict.fromkeys(pairwise(low)))
    left = [_ALWAYS, *map(hasher.of, words), *map(hasher.of, stems), *(hasher.of(a) for a, _ in pairs)]
    right = [0] * (1 + len(words)) + [_STEMMED] * len(stems) + [mix(hasher.of(b), _BIGRAM) for _, b in pairs]
    left += map(hasher.of, past)
    right += [_HISTORY] * len(past)
    most = MAX_PROMPT_FEATURES
    return mix_arrays(np.array(left[:most], dtype=np.uint64), np.array(right[:most], dtype=np.uint64))


def _places(places: Sequence[str], first_asked: int, hasher: Hasher) -> tuple[Array, Array, Array, tuple[str, ...]]:
    """Describe each place by its word, look and neighbours, then sort the places by word behind a dummy."""
    edge = hasher.of("\x00edge")
    low = np.concatenate([[edge, edge], _hashes([w.lower() for w in places], hasher), [edge]]).astype(np.uint64)
    look = _hashes([shape_of(w) for w in places], hasher)
    own, before, before2, after = low[2:-1], low[1:-2], low[:-3], low[3:]
    segment = np.where(np.arange(len(places)) >= first_asked, 1, 2).astype(np.uint64)
    pairs = mix_arrays(np.stack([before2, before, look]), np.stack([before, look, segment]))
    described = mix_arrays(np.stack([own, look, before, after, *pairs], axis=1), _KEY_SALTS)
    by_word = sorted(range(len(places)), key=lambda i: (places[i], i))
    words = tuple(dict.fromkeys(places[i] for i in by_word))
    keys = np.zeros((len(places) + 1, KEY_FEATURES), dtype=np.uint16)
    keys[1:] = rows(described)[by_word]
    fresh = [i for i, at in enumerate(by_word) if i == 0 or places[at] != places[by_word[i - 1]]]
    starts = np.array([0, *(i + 1 for i in fresh)], dtype=np.int64)
    return keys, np.array([-9, *by_word], dtype=np.int32), starts, words
