"""What the model knows of an answer while it is being written: the state before each piece, as feature rows."""

import numpy as np

from workers.training.tiny.context import Context, shape_of
from workers.training.tiny.hashing import Array, Hasher, mix, mix_arrays, rows
from workers.training.tiny.pieces import FIRST_PIECE, Vocabulary

STATE_FEATURES = 13
QUERY_COLUMNS = (1, 2, 4, 5, 8, 9, 10)
"""Columns of the state that steer copying; they name no word of the prompt, so that copying works for unseen ones."""

_NOWHERE = -5
_LAST_POSITION = 15
_LAST_SINCE = 7
_COPIED = 0x5C0B1ED5C0B1ED
_SALTS = np.arange(101, 101 + STATE_FEATURES, dtype=np.uint64)
_CROSS = 97


class Progress:
    """Follows one answer; `push` takes the next piece, the lists hold the state before every piece so far."""

    def __init__(self, context: Context, hasher: Hasher) -> None:
        self._context = context
        self._hasher = hasher
        self._where: dict[str, list[int]] = {}
        for place, word in enumerate(context.sequence):
            self._where.setdefault(word, []).append(place)
        self._string = 0
        self._in_string = False
        self._last_word = 0
        self._last_piece = ""
        self.masked = [0, 0, 0]
        self.raw = [0, 0, 0]
        self.prefix = [0]
        self.key = [0]
        self.since = [0]
        self.spot = [_NOWHERE]

    def push(self, piece: str) -> None:
        """Take one piece (a spelled byte is `chr(0) + character`)."""
        hashed = self._hasher.of(piece)
        spot, known = self._match(piece)
        masked = _COPIED if known and piece[0].isalnum() else hashed
        key = self._follow_key(piece, hashed)
        self.since.append(0 if key != self.key[-1] else self.since[-1] + 1)
        self.key.append(key)
        self.raw.append(hashed)
        self.masked.append(masked)
        self.prefix.append(mix(self.prefix[-1], masked))
        self.spot.append(spot)
        self._last_piece = piece

    def _match(self, piece: str) -> tuple[int, bool]:
        """Find the place in the prompt that this piece repeats; going on beside the last one comes first."""
        spot = self.spot[-1]
        places = self._where.get(piece)
        if not places:
            return spot, False
        if spot + 1 in places:
            return spot + 1, True
        return (places[0] if piece[0].isalnum() else spot), True

    def _follow_key(self, piece: str, hashed: int) -> int:
        """Tell which JSON key (or `name:`) is being filled after `piece`."""
        key = self.key[-1]
        if piece == '"':
            self._in_string = not self._in_string
            if self._in_string:
                self._string = 0
        elif piece == ":" and not (self._in_string and self._string == 0):
            key = self._string if self._last_piece == '"' else self._last_word
        elif self._in_string:
            self._string = mix(self._string, hashed)
        if piece[0].isalnum():
            self._last_word = hashed
        return key

    def features(self, first: int) -> tuple[Array, Array, Array]:
        """Return rows (n, 13), cross hashes (n,) and spots (n,) of the states from position `first` on."""
        count = len(self.key) - first
        masked = np.array(self.masked[first:], dtype=np.uint64)
        raw = np.array(self.raw[first:], dtype=np.uint64)
        one, two, three = masked[2:], masked[1:-1], masked[:-2]
        key = np.array(self.key[first:], dtype=np.uint64)
        since = np.minimum(np.array(self.since[first:]), _LAST_SINCE).astype(np.uint64)
        position = np.minimum(np.arange(first, first + count), _LAST_POSITION).astype(np.uint64)
        prefix = np.array(self.prefix[first:], dtype=np.uint64)
        spot = np.array(self.spot[first:], dtype=np.int32)
        after, look = self._following(spot)
        rules = np.full(count, self._context.rules, dtype=np.uint64)
        pair, keyed, ruled, followed, looked, paced, literal = mix_arrays(
            np.stack([one, key, rules, after, look, key, raw[2:]]),
            np.stack([two, one, one, one, one, since, raw[1:-1]]),
        )
        triple, cross = mix_arrays(np.stack([pair, pair]), np.stack([three, key]))
        columns = (position, one, pair, triple, key, keyed, rules, ruled, followed, looked, paced, prefix, literal)
        return rows(mix_arrays(np.stack(columns, axis=1), _SALTS)), mix_arrays(cross, _CROSS), spot

    def _following(self, spot: Array) -> tuple[Array, Array]:
        """Hash the word that follows the last copied one in the prompt, and its look."""
        lowered, sequence = self._context.lowered, self._context.sequence
        nexts = [int(s) + 1 for s in spot]
        inside = [0 <= n < len(lowered) for n in nexts]
        after = [lowered[n] if ok else int(n < 0) for n, ok in zip(nexts, inside, strict=True)]
        look = [self._hasher.of(shape_of(sequence[n])) if ok else 0 for n, ok in zip(nexts, inside, strict=True)]
        return np.array(after, dtype=np.uint64), np.array(look, dtype=np.uint64)


def written(item: int, vocabulary: Vocabulary) -> str:
    """Return how a chosen id looks to `Progress.push`: a piece, or a byte marked as such."""
    return "\x00" + chr(item) if item < FIRST_PIECE else vocabulary.pieces[item - FIRST_PIECE]
