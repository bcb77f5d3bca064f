"""Readers in threads of their own: the order of what they find, misuse, and that they end whatever happens."""

import gc
import io
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from service.check import compiled
from service.check.engine import check_file
from service.check.plain import Plain, PlainReaders
from service.check.reader import Block
from service.core.dataset.texts import BLANKS
from tests.check.conftest import profile
from tests.check.ways import file_of
from tests.waiting import until

native = compiled.native
assert native is not None, "the tests need the compiled part: `make setup` with a C compiler"

HEARD = (7, 11, 19)
_LINE = b'{"messages":[{"role":"user","content":"' + b"a?1 " * 10_000 + b'"},{"role":"assistant","content":"b"}]}'
TAKES_LONG = b"\n".join([_LINE] * 50)


def parts(number: int) -> list[Any]:
    return [
        [native.Reader(compiled.vocabulary("o200k_base"), "."), native.Search(compiled.programs(), 8192)]
        for _ in range(number)
    ]


def crew_of(number: int) -> Any:
    readers, searches = zip(*parts(number), strict=True)
    return native.Crew([*readers], [*searches], BLANKS, HEARD)


def threads() -> int:
    """How many threads this process has, Python's or not, where that can be told."""
    running = Path("/proc/self/task")
    return len(list(running.iterdir())) if running.exists() else 0


def assert_threads(number: int) -> None:
    """The system may show a thread that has ended a moment longer."""
    until(lambda: threads() == number, f"{number} threads run", lambda: f"{threads()} do")


def told(plain: Plain) -> tuple[Any, ...]:
    columns = (plain.table[name].tolist() for name in ("line", "tokens", "trained", "context", "target"))
    return *columns, [(each.example, each.path, each.rules) for each in plain.suspects()], list(plain.left())


@pytest.mark.parametrize("number", [1, 2, 5])
def test_what_is_found_comes_in_the_order_of_the_blocks(number: int) -> None:
    blocks = [Block(at, file_of(random.Random(at)) * (1 + at % 3 * 9)) for at in range(50)]
    readers = PlainReaders("o200k_base")
    alone = [told(readers.read(block)) for block in blocks]
    for _ in range(3):
        with readers.together(number) as crew:
            for block in blocks:
                crew.give(block.raw)
            assert [told(Plain(crew.take(), block)) for block in blocks] == alone
            with pytest.raises(IndexError):
                crew.take()


def test_blocks_that_nobody_takes_are_dropped() -> None:
    readers = PlainReaders("o200k_base")
    with readers.together(2) as crew:
        for _ in range(64):
            crew.give(TAKES_LONG)
        with pytest.raises(ValueError, match="64 blocks at most"):
            crew.give(TAKES_LONG)
        began = time.perf_counter()
    assert time.perf_counter() - began < 30
    with readers.together(2) as crew:
        crew.give(b"")
        assert crew.take().lines == 1


def test_wrong_crews_are_refused_and_keep_nothing() -> None:
    (reader, search), (other, another) = parts(2)
    wrong: list[tuple[list[Any], list[Any], type[Exception]]] = [
        ([], [], ValueError),
        ([reader], [search, another], ValueError),
        ([reader] * 17, [search] * 17, ValueError),
        ([reader, other], [search, None], TypeError),
        ([search], [reader], TypeError),
        ([reader, reader], [search, another], RuntimeError),
        ([reader, other], [search, search], RuntimeError),
        ([reader, other], [search, native.Search(compiled.programs()[:1], 8192)], ValueError),
    ]
    for readers, searches, error in wrong:
        with pytest.raises(error):
            native.Crew(readers, searches, BLANKS, HEARD)
        assert reader.examine(b"", BLANKS, search, HEARD).lines == 1
        assert other.examine(b"", BLANKS, another, HEARD).lines == 1


def test_who_belongs_to_a_crew_serves_nobody_else() -> None:
    ((reader, search),) = parts(1)
    crew = native.Crew([reader], [search], BLANKS, HEARD)
    for use in (
        lambda: reader.examine(b"", BLANKS, native.Search(compiled.programs(), 8), HEARD),
        lambda: native.Reader(None, "").examine(b"", BLANKS, search, HEARD),
        lambda: search.find("a"),
    ):
        with pytest.raises(RuntimeError, match="another thread"):
            use()
    crew.disband()
    crew.disband()
    assert search.find("a") == 0
    for call in (crew.take, lambda: crew.give(b"")):
        with pytest.raises(RuntimeError, match="disbanded"):
            call()


def test_only_bytes_are_read() -> None:
    crew = crew_of(1)
    for wrong in (bytearray(b"{}"), "{}", None, memoryview(b"{}")):
        with pytest.raises(TypeError):
            crew.give(wrong)
    crew.give(b"{}")
    assert crew.take().lines == 1


def test_a_forgotten_crew_ends_its_threads() -> None:
    before = threads()
    for _ in range(20):
        crew = crew_of(2)
        crew.give(TAKES_LONG)
        del crew
    gc.collect()
    assert_threads(before)


def test_python_goes_on_while_a_block_is_waited_for() -> None:
    crew = crew_of(1)
    ticks: list[float] = []
    over = threading.Event()

    def tick() -> None:
        while not over.wait(0.001):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    crew.give(b"\n".join([_LINE] * 1000))
    crew.take()
    over.set()
    thread.join()
    assert len(ticks) > 5


class Breaks(io.BytesIO):
    """A stream that fails after some blocks."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 4_000_000:
            raise OSError("the disk is gone")
        return super().read(size)


@pytest.fixture
def data() -> bytes:
    return b"".join(file_of(random.Random(at)) for at in range(20)) * 30


def test_a_check_that_fails_ends_its_threads_and_the_next_is_whole(data: bytes) -> None:
    report = check_file(io.BytesIO(data), profile=profile("supervised"))
    before = threads()
    for _ in range(3):
        with pytest.raises(OSError, match="disk is gone"):
            check_file(Breaks(data), profile=profile("supervised"))
    assert_threads(before)
    assert check_file(io.BytesIO(data), profile=profile("supervised")) == report


def test_the_interval_of_switches_is_set_back(data: bytes) -> None:
    usual, within = sys.getswitchinterval(), set[float]()
    check_file(io.BytesIO(data), profile=profile("supervised"), progress=lambda _: within.add(sys.getswitchinterval()))
    assert max(within) < usual == sys.getswitchinterval()
    with pytest.raises(OSError, match="disk is gone"):
        check_file(Breaks(data), profile=profile("supervised"))
    assert sys.getswitchinterval() == usual


def test_checks_run_beside_each_other(data: bytes) -> None:
    report = check_file(io.BytesIO(data), profile=profile("supervised"))
    others: list[Any] = []
    usual = sys.getswitchinterval()

    def check() -> None:
        others.append(check_file(io.BytesIO(data), profile=profile("supervised")))

    running = [threading.Thread(target=check) for _ in range(4)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert others == [report] * 4
    assert sys.getswitchinterval() == usual
