"""Reads of everything that is kept, for those who look after it: in batches, and never stopped by one bad value."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

_BATCH = 500
_PATTERNS = ("tw:*", "rq:*")
_T = TypeVar("_T")


class Reading:
    """One pass over the records. `unreadable` fills with the keys that could not be read, and why."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.unreadable: dict[str, str] = {}

    async def keys(self) -> tuple[list[str], list[str]]:
        """Return all of our keys, and those without an end."""
        found = await self._scan("tw:*")
        endless: list[str] = []
        for part in parts(found):
            async with self._redis.pipeline(transaction=False) as pipe:
                for key in part:
                    pipe.pttl(key)
                endless += [key for key, left in zip(part, await pipe.execute(), strict=True) if left == -1]
        return found, endless

    async def records(self, names: Sequence[str], kind: type[_T]) -> list[_T]:
        """Return those of the JSON records that exist and can be read."""
        found: list[_T | None] = []
        for part in parts(names):
            raws = cast("list[bytes | None]", await self._redis.mget(part))
            found += [self.decoded(key, raw, kind) for key, raw in zip(part, raws, strict=True)]
        return [one for one in found if one is not None]

    def decoded(self, key: str, raw: bytes | None, kind: type[_T]) -> _T | None:
        """Return the record in `raw`; None if there is none or it can't be read."""
        if raw is None:
            return None
        try:
            return msgspec.json.decode(raw, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.unreadable[key] = f"can't be read: {error}"
            return None

    async def with_lengths(self, names: Sequence[str], lists: Sequence[str]) -> tuple[list[bytes | None], list[int]]:
        """Return the values of `names` and the lengths of `lists`, all of one moment."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.mget(names)
            for key in lists:
                pipe.llen(key)
            raws, *lengths = await pipe.execute(raise_on_error=False)
        return raws, [self._length(key, length) for key, length in zip(lists, lengths, strict=True)]

    async def members(self, key: str) -> list[str]:
        """Return the members of a sorted set, lowest score first."""
        return _texts(await self._or_nothing(key, lambda: self._redis.zrange(key, 0, -1)))

    async def elements(self, key: str) -> frozenset[str]:
        """Return the members of a set."""
        return frozenset(_texts(await self._or_nothing(key, lambda: self._redis.smembers(key))))

    async def fields(self, key: str) -> list[str]:
        """Return the fields of a hash."""
        return _texts(await self._or_nothing(key, lambda: self._redis.hkeys(key)))

    async def numbers(self, *names: str) -> list[dict[str, int]]:
        """Return hashes of numbers, rounded, all of one moment; a field that holds none is noted."""
        async with self._redis.pipeline(transaction=True) as pipe:
            for key in names:
                pipe.hgetall(key)
            answers = await pipe.execute(raise_on_error=False)
        return [self._numbers(key, answer) for key, answer in zip(names, answers, strict=True)]

    async def holders(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Return which keys hold one of `secrets` (name → value) in name or value, mapped to the secret's name."""
        needles = {name: value.encode() for name, value in secrets.items()}
        found: dict[str, str] = {}
        for pattern in _PATTERNS:
            for part in parts(await self._scan(pattern)):
                for key, held in zip(part, await self._contents(part), strict=True):
                    whole = key.encode() + b"\n" + held
                    for name, needle in needles.items():
                        if needle in whole:
                            found[key] = name
        return found

    async def _contents(self, names: Sequence[str]) -> list[bytes]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in names:
                pipe.type(key)
            kinds = [_text(kind) for kind in cast("list[bytes]", await pipe.execute())]
        async with self._redis.pipeline(transaction=False) as pipe:
            for key, kind in zip(names, kinds, strict=True):
                _queue_read(pipe, key, kind)
            return [_joined(answer) for answer in await pipe.execute(raise_on_error=False)]

    async def _scan(self, pattern: str) -> list[str]:
        scan = cast("AsyncIterator[bytes]", self._redis.scan_iter(match=pattern, count=_BATCH))
        return sorted({_text(key) async for key in scan})  # SCAN may show a key twice

    async def _or_nothing(self, key: str, read: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return await read()
        except ResponseError as error:  # a value of another type
            self.unreadable[key] = f"can't be read: {error}"
            return ()

    def _numbers(self, key: str, answer: Any) -> dict[str, int]:
        if not isinstance(answer, dict):
            self.unreadable[key] = f"can't be read: {answer}"
            return {}
        found: dict[str, int] = {}
        for field, value in cast("Mapping[bytes, bytes]", answer).items():
            try:
                found[_text(field)] = round(float(value))
            except (ValueError, OverflowError):
                self.unreadable[key] = f"{_text(field)} is no number"
        return found

    def _length(self, key: str, length: Any) -> int:
        if isinstance(length, int):
            return length
        self.unreadable[key] = f"can't be read: {length}"
        return 0


def named(all_keys: Iterable[str], prefix: str) -> list[str]:
    """Return the keys that are `prefix` and one more word."""
    return [key for key in all_keys if key.startswith(prefix) and ":" not in key[len(prefix) :]]


def parts(names: Sequence[str]) -> list[Sequence[str]]:
    """Return `names` in batches that one round trip may bear."""
    return [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]


def _queue_read(pipe: Any, key: str, kind: str) -> None:
    match kind:
        case "string":
            pipe.get(key)
        case "hash":
            pipe.hgetall(key)
        case "list":
            pipe.lrange(key, 0, -1)
        case "set":
            pipe.smembers(key)
        case "zset":
            pipe.zrange(key, 0, -1)
        case _:
            pipe.exists(key)


def _joined(answer: Any) -> bytes:
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, dict):
        pairs = cast("Mapping[bytes, bytes]", answer).items()
        return b"\n".join(part for pair in pairs for part in pair)
    return b"\n".join(cast("Iterable[bytes]", answer)) if isinstance(answer, list | set) else b""


def _texts(raw: Iterable[bytes | str]) -> list[str]:
    return [_text(one) for one in raw]


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
