"""Builds ``_trustscore.so`` from the C files beside this one, when the project is installed or packed as a wheel.

Without a C compiler the install goes on, and says so: everything works then, and a worker takes in a third as much.
"""

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
NAME = "_trustscore.so"
FLAGS = ("-O3", "-std=c11", "-Wall", "-Wextra", "-Wconversion", "-fPIC", "-shared")


def built(into: Path) -> Path | None:
    """The library, built anew; ``None`` without a compiler.

    Raises
    ------
    subprocess.CalledProcessError
        Where the compiler refuses the sources.
    """
    compiler = (
        shlex.split(os.environ.get("CC", ""))
        or [found for found in map(shutil.which, ("cc", "gcc", "clang")) if found][:1]
    )
    if not compiler or not shutil.which(compiler[0]):
        return None
    made, target = into / f"{NAME}.{os.getpid()}", into / NAME
    subprocess.run([*compiler, *FLAGS, *map(str, sorted(HERE.glob("*.c"))), "-o", str(made), "-lm"], check=True)
    made.replace(target)  # a process that has the old one open keeps it
    return target


class CompiledPart(BuildHookInterface[Any]):
    """What hatchling asks."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build in place; a wheel holds the library and is one of this platform."""
        try:
            library = built(HERE)
        except (OSError, subprocess.CalledProcessError) as error:
            library, reason = None, str(error)
        else:
            reason = "no C compiler (cc, gcc, clang or $CC)"
        if library is None:
            (HERE / NAME).unlink(missing_ok=True)  # an older one would read other structures
            self.app.display_warning(f"{reason}; without its compiled part a worker takes in a third as much")
        elif version == "standard":
            build_data["artifacts"].append(f"compiled/{NAME}")
            build_data["pure_python"] = False
            build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"
