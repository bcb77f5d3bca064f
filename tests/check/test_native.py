"""The compiled part by itself: what it refuses, how it goes on without memory, and that it is the same where no sixteen
bytes are looked at at a time."""

import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from service.check import compiled, vocab
from service.check.plain import PlainReaders
from service.check.reader import Block
from service.core.dataset.texts import BLANKS
from tests.check.suite import PLANTED
from tests.check.test_mutated import damaged
from tests.check.ways import file_of

ROOT = Path(__file__).parents[2]
SANITIZED = "asan" in os.environ.get("LD_PRELOAD", "")
native = compiled.native
assert native is not None, "the tests need the compiled part: `make setup` with a C compiler"


def test_wrong_programs_are_refused() -> None:
    good = compiled.programs()
    with pytest.raises(ValueError, match="leads nowhere"):
        native.Program(b"\0" * 8 + b"\7\0\0\0", b"\0" * 32)
    with pytest.raises(ValueError, match="leads nowhere"):
        native.Program(b"", b"")
    with pytest.raises(ValueError, match="8 programs"):
        native.Search([*good, *good], 100)
    with pytest.raises(ValueError, match="32,767"):
        native.Search(good, 40_000)
    with pytest.raises(TypeError):
        native.Search([None], 100)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="programs"):
        native.Reader(None, "").examine(b"", 10, native.Search(good, 8192), (1, 2, 64))
    with pytest.raises(ValueError, match="closing"):
        native.Reader(None, "." * 65)
    with pytest.raises(TypeError):
        native.Reader("o200k_base", ".")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="single bytes"):
        native.Vocabulary(b"\1a", b"", cl100k=False)
    with pytest.raises(ValueError, match="one program"):
        native.Search(good, 8192).places("x", 3)
    with pytest.raises(IndexError):
        native.Reader(None, "").examine(b"", 10, native.Search(good, 8192), (0, 0, 0)).text(0)
    with pytest.raises(TypeError):
        native.Found()  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="steps at most"):
        native.Program(bytes(12 * (1 << 20) + 12), b"")
    with pytest.raises(UnicodeEncodeError):
        native.Search(good, 8192).find("\ud800")
    with pytest.raises(UnicodeEncodeError):
        native.Counter(compiled.vocabulary("o200k_base")).count(["\ud800"])


def test_an_object_serves_one_thread_at_a_time() -> None:
    counter = native.Counter(compiled.vocabulary("o200k_base"))
    text = ["".join(random.Random(1).choices("abcdefgh", k=2_000_000))]
    busy = threading.Thread(target=counter.count, args=(text,))
    busy.start()
    refused = False
    while busy.is_alive() and not refused:
        try:
            counter.count(["a"])
        except RuntimeError:
            refused = True
    busy.join()
    assert refused
    assert counter.count(["a b"]) == [2]


def test_what_is_no_text_is_not_counted() -> None:
    """Bytes may be no UTF-8, whose characters have classes beyond the table's end."""
    with pytest.raises(TypeError):
        native.Counter(compiled.vocabulary("o200k_base")).count([b"\xff\xff\xff\xff"])  # type: ignore[list-item]


def test_what_may_change_meanwhile_is_not_read() -> None:
    """Another thread could write between the look at a character and its copy."""
    with pytest.raises(TypeError):
        native.Reader(None, "").examine(bytearray(b"{}"), 10, native.Search([], 8), (0, 0, 0))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        native.Program(bytearray(12), b"")  # type: ignore[arg-type]


def test_hashes_are_seeded_once() -> None:
    before = native.hash_text(1, "a")
    native.seed(b"0" * 32)
    assert native.hash_text(1, "a") == before


HELD = """
import resource
from service.check import compiled
counter = compiled.native.Counter(compiled.vocabulary("o200k_base"))
def held(name):
    return int(open("/proc/self/status").read().partition(name)[2].split()[0]) >> 10
def run(times):
    return counter.count(["\\u00e9" * times])
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


def told_by(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.splitlines()


@needs_proc
@pytest.mark.skipif(SANITIZED, reason="freed memory is kept to catch its use")
def test_memory_of_a_long_piece_is_given_back() -> None:
    before, after, peak = told_by(
        f"{HELD}print(held('VmRSS:'))\nrun(4 << 20)\nprint(held('VmRSS:'), held('VmHWM:'), sep='\\n')"
    )
    assert int(peak) - int(before) > 40
    assert int(after) - int(before) < 16


@needs_proc
@pytest.mark.skipif(SANITIZED, reason="what looks after memory takes terabytes of addresses")
def test_a_counter_goes_on_after_memory_was_short() -> None:
    told = told_by(
        f"""{HELD}
held_bytes = held("VmSize:") << 20
resource.setrlimit(resource.RLIMIT_AS, (held_bytes + (64 << 20), held_bytes + (64 << 20)))
try:
    run(16 << 20)
except MemoryError:
    print(*counter.count(["a b", "x" * 45, "\u00e9" * 60]), *run(1 << 20))
"""
    )
    expected = native.Counter(compiled.vocabulary("o200k_base")).count(["a b", "x" * 45, "é" * 60, "é" * (1 << 20)])
    assert told == [" ".join(map(str, expected))]


HOOK = """
import json, sys
from pathlib import Path
from build_native import NativeBuildHook
data = {"artifacts": []}
NativeBuildHook(str(Path.cwd()), {}, None, None, "", "wheel").initialize("standard", data)
print(json.dumps(data))
"""


def installed(folder: Path, **env: str) -> dict[str, Any]:
    """Let the package's build compile in a copy; return what it tells the wheel's builder."""
    shutil.copytree(ROOT / "service" / "check" / "native", folder / "service" / "check" / "native")
    shutil.copy(ROOT / "build_native.py", folder)
    done = subprocess.run(
        [sys.executable, "-c", HOOK], cwd=folder, env=os.environ | env, stdout=-1, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_package_without_a_compiler_is_complete_and_holds_nothing_compiled_before(tmp_path: Path) -> None:
    old = tmp_path / "service" / "check" / "_native.abi3.so"
    old.parent.mkdir(parents=True)
    old.touch()
    os.utime(old, (0, 0))
    assert installed(tmp_path, CC="/bin/false") == {"artifacts": []}
    assert not old.exists()


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The compiled part as it is on machines without SSE2."""
    folder = tmp_path_factory.mktemp("portable")
    told = installed(folder, CFLAGS=f"{os.environ.get('CFLAGS', '')} -O1 -U__SSE2__")
    assert told.pop("tag").startswith("cp311-abi3-")
    assert told == {"artifacts": ["service/check/_native.abi3.so"], "pure_python": False}
    found = importlib.util.spec_from_file_location("portable._native", folder / told["artifacts"][0])
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def mixed(rng: random.Random) -> str:
    signs = rng.sample("aAbzZsSt 'ſ019-/.,\n\r\t\x0b\x85\xa0\u2028\u3000\x00\u0301éÉßİ日本あ가😀\u00ad", 5)
    return "".join(rng.choices([*signs, signs[0] * 15], k=rng.randrange(65)))


@pytest.mark.parametrize("encoding", vocab.SHA256)
def test_texts_are_counted_alike_byte_by_byte(encoding: str, portable: ModuleType) -> None:
    rng = random.Random(1)
    texts = [mixed(rng) for _ in range(20_000)]
    packed, classes = vocab.read_packed(encoding), vocab.read_packed("classes")
    counter = portable.Counter(portable.Vocabulary(packed, classes, encoding == "cl100k_base"))
    assert counter.count(texts) == native.Counter(compiled.vocabulary(encoding)).count(texts)
    assert [portable.loops(text * 3) for text in texts] == [native.loops(text * 3) for text in texts]


def test_lines_are_read_alike_byte_by_byte(portable: ModuleType) -> None:
    rng = random.Random(2)
    files = [file_of(rng).splitlines() for _ in range(60)]
    blocks = [b"\n".join([*lines, *(damaged(rng, line, rng.choice(lines)) for line in lines)]) for lines in files]
    blocks += [case.data for case in PLANTED if len(case.data) < 100_000]
    reader, other = portable.Reader(None, "."), native.Reader(None, ".")
    plain = 0
    for block in blocks:
        found = reader.examine(block, BLANKS, portable.Search([], 8), (0, 0, 0))
        expected = other.examine(block, BLANKS, native.Search([], 8), (0, 0, 0))
        assert (found.texts, found.left, found.lines) == (expected.texts, expected.left, expected.lines)
        for at in range(len(found.texts) // 16):
            assert found.text(at) == expected.text(at)
            plain += 1
    assert plain > 1000


def test_a_block_of_feeds_alone_is_all_left() -> None:
    plain = PlainReaders(None).read(Block(1, b"\n" * 1000))
    assert [line for line, _ in plain.left()] == list(range(1, 1002))
