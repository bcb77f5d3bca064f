"""Compiles the dataset check's native part into the package, when it is built or installed for work on it; or by hand,
`python build_native.py`.

Without a C compiler the package is complete all the same: what is compiled is done in Python then, many times slower.
"""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAME = "service.check._native"
LIMITED_API = "0x030B0000"  # one file for Python 3.11 and newer


class NativeBuildHook(BuildHookInterface[Any]):
    """Called by hatchling for wheels, editable ones among them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; on failure say so and leave the package as it is."""
        del version
        if self.target_name != "wheel":
            return
        try:
            made = compiled(Path(self.root))
        except Exception as error:  # noqa: BLE001 (whatever a compiler lacks must not stop the installation)
            print(f"Tunewright's check was not compiled and will be slow: {error}", file=sys.stderr)  # noqa: T201
            for old in (Path(self.root) / "service" / "check").glob("_native*.so"):
                old.unlink()  # of other sources than these
            return
        build_data["artifacts"].append(made.relative_to(self.root).as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = _tag()


def compiled(root: Path) -> Path:
    """Compile the extension beside the package's Python files; return its path. Raises whatever the compiler does."""
    from setuptools import Distribution, Extension

    folder = root / "service" / "check" / "native"
    extension = Extension(
        NAME,
        sources=[str(source) for source in sorted(folder.glob("*.c"))],
        depends=[str(header) for header in folder.glob("*.h")],
        define_macros=[("Py_LIMITED_API", LIMITED_API)],
        extra_compile_args=["-std=gnu11", "-O3", "-pthread"],
        extra_link_args=["-pthread"],
        py_limited_api=True,
    )
    distribution = Distribution({"name": "tunewright", "ext_modules": [extension], "package_dir": {"": str(root)}})
    command: Any = distribution.get_command_obj("build_ext")
    command.inplace = True
    command.build_temp = str(root / "build" / "native")
    command.ensure_finalized()
    command.run()
    return Path(command.get_ext_fullpath(NAME))


def _tag() -> str:
    """Return the wheel's tag: any Python from 3.11 on, this platform."""
    from packaging.tags import platform_tags

    return f"cp311-abi3-{next(iter(platform_tags()))}"


if __name__ == "__main__":
    compiled(Path(__file__).parent)
