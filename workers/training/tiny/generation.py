"""Writing an answer: one piece at a time from the model's own distribution."""

import codecs
from collections.abc import Iterator

import numpy as np

from workers.training.engine import Chunk, Request
from workers.training.tiny.answer import QUERY_COLUMNS, Progress, written
from workers.training.tiny.context import Context, build
from workers.training.tiny.hashing import Array, Hasher
from workers.training.tiny.network import Pass, Weights
from workers.training.tiny.pieces import END, Vocabulary, split
from workers.training.tiny.rendering import prompt_of, prompt_of_completion
from workers.training.tiny.turns import MAX_ANSWER_PIECES, Flat, Places, cross_counts, crossed, known_ids, nearness

_LONGEST_LOOP = 12


class Distribution:
    """Gives p(next piece) after each state of an answer: vocabulary first, then words that only the prompt knows."""

    def __init__(self, weights: Weights, vocabulary: Vocabulary, context: Context, progress: Progress) -> None:
        self._weights = weights
        self._context = context
        self._progress = progress
        self._known = known_ids(context, vocabulary)
        self.unknown = np.flatnonzero(self._known < 0)

    def at(self, position: int) -> Array:
        """Return probabilities: one per vocabulary id, then one per word of `unknown` (the dummy among them has 0)."""
        context = self._context
        state, cross, spots = self._progress.features(position)
        counts = cross_counts(1, len(context.features), position)
        place = Places(
            positions=slice(0, 1),
            keys=slice(0, len(context.keys)),
            starts=context.starts,
            known=self._known,
            copies=np.array([-1]),
            near=nearness(spots, context.order),
        )
        flat = Flat(
            state=state,
            query=state[:, QUERY_COLUMNS],
            cross=crossed(context.features, cross, counts),
            counts=counts,
            keys=context.keys,
            places=(place,),
            targets=np.array([0]),
        )
        run = Pass(self._weights, flat)
        words = run.by_word(0)[0]
        vocabulary = run.vocabulary[0].astype(np.float64)
        shared = self._known >= 0
        np.add.at(vocabulary, self._known[shared], words[shared])
        return np.concatenate([vocabulary, words[self.unknown]])


def choose(probabilities: Array, temperature: float, top_p: float, rng: np.random.Generator) -> int:
    """Draw an index; temperature 0 takes the likeliest."""
    if temperature <= 0:
        return int(probabilities.argmax())
    scaled = np.log(np.maximum(probabilities, 1e-30)) / temperature
    weights = np.exp(scaled - scaled.max())
    order = np.argsort(-weights, kind="stable")
    shares = np.cumsum(weights[order]) / weights.sum()
    kept = order[: int(np.searchsorted(shares, top_p)) + 1]
    return int(rng.choice(kept, p=weights[kept] / weights[kept].sum()))


def loops(items: list[str]) -> bool:
    """Tell whether the answer goes round: its end is one block of up to 12 pieces at least 4 times, over 16 pieces."""
    for period in range(1, _LONGEST_LOOP + 1):
        times = max(4, 16 // period)
        tail = items[-period * times :]
        if len(tail) == period * times and tail == tail[:period] * times:
            return True
    return False


class Output:
    """Turns bytes into text that may be shown: whole characters only, nothing at or after a stop text."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = tuple(s for s in stop if s)
        self._held = ""
        self._longest = max(map(len, self._stop), default=1) - 1
        self.stopped = False

    def push(self, content: bytes, *, final: bool = False) -> str:
        """Take bytes, return text that is safe to show."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(content, final)
        found = [at for at in (self._held.find(s) for s in self._stop) if at >= 0]
        if found:
            self.stopped = True
            return self._held[: min(found)]
        cut = len(self._held) if final else max(0, len(self._held) - self._longest)
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown


def generate(weights: Weights, vocabulary: Vocabulary, hasher: Hasher, request: Request) -> Iterator[Chunk]:
    """Answer a request; ends at the end mark, a stop text, the limit, or when the answer goes round in a loop."""
    prompt = (
        prompt_of(request.messages, request.tools) if request.prompt is None else prompt_of_completion(request.prompt)
    )
    context = build(prompt, hasher)
    progress = Progress(context, hasher)
    distribution = Distribution(weights, vocabulary, context, progress)
    rng = np.random.default_rng(request.seed)
    output = Output(request.stop)
    limit = min(request.max_tokens or MAX_ANSWER_PIECES, MAX_ANSWER_PIECES)
    items: list[str] = []
    ended = False
    while not ended and len(items) < limit:
        item = choose(distribution.at(len(items)), request.temperature, request.top_p, rng)
        if item == END:
            ended = True
            break
        if item < len(vocabulary):
            piece, content = written(item, vocabulary), vocabulary.bytes_of(item)
        else:
            piece = context.words[int(distribution.unknown[item - len(vocabulary)]) - 1]
            content = piece.encode("utf-8", "surrogatepass")
        items.append(piece)
        progress.push(piece)
        if text := output.push(content):
            yield Chunk(text=text, prompt_tokens=context.pieces, completion_tokens=len(items))
        ended = output.stopped or loops(items)
    yield Chunk(
        text=output.push(b"", final=True),
        finish_reason="stop" if ended else "length",
        prompt_tokens=context.pieces,
        completion_tokens=len(items),
    )


def count(text: str) -> int:
    """Count the pieces of a text."""
    return len(split(text))
