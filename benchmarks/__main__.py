"""``python -m benchmarks [NAME [OPTIONS]]``: one benchmark, or all of them one after the other."""

import importlib
import sys
from collections.abc import Sequence
from typing import Final

from benchmarks.harness import RESULTS, Program, execute, read, table

PROGRAMS: Final = (
    "engine",
    "wsdream",
    "client",
    "duplicates",
    "stages",
    "truth",
    "prediction",
    "credibility",
    "attacks",
    "memory",
    "life",
    "latency",
    "history",
    "growth",
    "maintenance",
    "simulation",
)
USAGE: Final = f"python -m benchmarks [{'|'.join(PROGRAMS)} [OPTIONS]] | --show"


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, 1 when a benchmark failed, 2 for a name that is none."""
    if not arguments:
        return max(execute(_program(name), []) for name in PROGRAMS)
    name, *options = arguments
    if name == "--show":
        print(table(read(RESULTS)))
        return 0
    if name not in PROGRAMS:
        print(f"a benchmark must be one of {', '.join(PROGRAMS)}; got {name!a}\n{USAGE}", file=sys.stderr)
        return 2
    return execute(_program(name), options)


def _program(name: str) -> Program:
    program = importlib.import_module(f"benchmarks.{name}").PROGRAM
    assert isinstance(program, Program)
    return program


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
