"""Counts what open models are trained on: chats as their template writes them, all else with fixed tokens estimated."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from service.check.lengths import Control, Lengths
from service.check.templates import ChatWriter, TemplateUnusable
from service.check.tokenizers import OpenTokens, Places, Range
from service.core.dataset.spans import PER_EXAMPLE, PER_MESSAGE, Spans
from service.core.tokenizers import OpenTokenizer

_ESTIMATED = f"{PER_MESSAGE} tokens a message and {PER_EXAMPLE} an example"


class _Chat(NamedTuple):
    """A chat as it is written, where what bears loss stands in it, and how many answers stand nowhere."""

    text: str
    taught: tuple[Range, ...]
    untold: int


class OpenCounter:
    """Counts with a model's own tokenizer; see lengths.TextCounter. Raises TokenizerUnusable."""

    def __init__(self, known: OpenTokenizer) -> None:
        self.encoding = known.name
        self._known = known
        self._tokens = OpenTokens(known)
        self._writer: ChatWriter | None = None
        self._unwritten = "there is no chat template"
        self._estimated = self._untold = 0
        if known.template is not None:
            try:
                self._writer = ChatWriter(known.template)
            except TemplateUnusable as error:
                self._unwritten = f"the chat template is of no use: {error}"

    def count(self, text: str) -> int:
        """Return the number of tokens of one text. Raises UncountableText."""
        return self._tokens.count([text])[0]

    def measure(self, spans: Spans, ends: Sequence[int]) -> Lengths:
        """Count examples; what is the same is counted once. Raises UncountableText."""
        parts = [slice(start, end) for start, end in zip((0, *ends), ends, strict=False)]
        chats = [self._written(spans, part) for part in parts]
        places = self._places(dict.fromkeys(chat for chat in chats if chat is not None))
        others = [part for part, chat in zip(parts, chats, strict=True) if chat is None]
        texts = list(dict.fromkeys(text for part in others for text in spans.texts[part]))
        counted = dict(zip(texts, self._tokens.count(texts), strict=True))
        rows = _Rows()
        for part, chat in zip(parts, chats, strict=True):
            if chat is None:
                rows.add(map(counted.__getitem__, spans.texts[part]), spans.leads[part], spans.trained[part])
            else:
                rows.add_chat(places[chat])
        return Lengths(
            *rows.columns,
            controls=list(self._controls(spans, parts)),
            estimated=sum(any(spans.leads[part]) for part in others),
            untold=sum(chat.untold for chat in chats if chat is not None),
        )

    def confirm(self, lengths: Lengths, spans: Spans) -> None:
        """Take note of what could not be counted as it is written."""
        del spans
        self._estimated += lengths.estimated
        self._untold += lengths.untold

    def versions(self) -> dict[str, str | None]:
        """Return the library's version, which tokenizer it was, and where the tokens around messages come from."""
        return {
            "tokenizers": self._tokens.version,
            "tokenizer": f"{self._tokens.told}, SHA-256 {self._known.sha256}",
            "chat_layout": self._layout(),
        }

    def _layout(self) -> str:
        if self._writer is None:
            return f"estimated, {_ESTIMATED}: {self._unwritten}"
        told = ["the model's chat template"]
        if self._estimated:
            told.append(f"examples that it does not fit, estimated with {_ESTIMATED}: {self._estimated:,}")
        if self._untold:
            told.append(f"answers that it changes, not counted as trained: {self._untold:,}")
        return "; ".join(told)

    def _written(self, spans: Spans, part: slice) -> _Chat | None:
        """Return a chat as the template writes it, None if it is no such chat."""
        roles, texts = spans.roles[part], spans.texts[part]
        if self._writer is None or not roles or not all(roles):
            return None
        written = self._writer.write(roles, texts)
        if written is None:
            return None
        answers = zip(written.places, spans.trained[part], texts, strict=True)
        taught = [place for place, trained, text in answers if trained and text.strip()]
        found = tuple(place for place in taught if place is not None)
        return _Chat(written.text, found, len(taught) - len(found))

    def _places(self, chats: Iterable[_Chat]) -> dict[_Chat, Places]:
        """Count chats; where nothing is taught, it need not be known where tokens stand."""
        taught: list[_Chat] = []
        others: list[_Chat] = []
        for chat in chats:
            (taught if chat.taught else others).append(chat)
        found = self._tokens.places([chat.text for chat in taught], [chat.taught for chat in taught])
        plain = [Places(total, []) for total in self._tokens.count([chat.text for chat in others])]
        return dict(zip((*taught, *others), (*found, *plain), strict=True))

    def _controls(self, spans: Spans, parts: Sequence[slice]) -> Iterator[Control]:
        for example, part in enumerate(parts):
            is_chat = all(spans.roles[part])
            for at, text in enumerate(spans.texts[part]):
                if (token := self._tokens.control_in(text)) is not None:
                    yield Control(example, f"messages[{at}].content" if is_chat else None, token)


class _Rows:
    """The rows of lengths, as they come."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.leads: list[int] = []
        self.trained: list[bool] = []
        self.ends: list[int] = []

    @property
    def columns(self) -> tuple[list[int], list[int], list[bool], list[int]]:
        return self.counts, self.leads, self.trained, self.ends

    def add(self, counts: Iterable[int], leads: Sequence[int], trained: Sequence[bool]) -> None:
        self.counts.extend(counts)
        self.leads.extend(leads)
        self.trained.extend(trained)
        self.ends.append(len(self.counts))

    def add_chat(self, places: Places) -> None:
        """Add what is taught as counts, and what stands before each and behind the last as fixed tokens."""
        at = 0
        for first, end in places.ranges:
            first = max(first, at)
            self.leads.append(first - at)
            self.counts.append(max(0, end - first))
            self.trained.append(True)
            at = max(first, end)
        self.leads.append(places.total - at)
        self.counts.append(0)
        self.trained.append(False)
        self.ends.append(len(self.counts))
