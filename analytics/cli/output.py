"""How every command speaks: answers on stdout, everything else on stderr, sentences instead of tracebacks."""

import logging
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer
from pydantic import BaseModel
from rich.console import Console, RenderableType

__all__ = [
    "BAD_INPUT",
    "FAILED",
    "INTERRUPTED",
    "JsonOption",
    "emit",
    "emit_json",
    "note",
    "quiet_logs",
    "refuse",
    "say",
]

FAILED = 1
"""Exit code of an answer that is no, or of work that failed."""
BAD_INPUT = 2
"""Exit code of a request that has to be corrected before it is sent again."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells count it: 128 and the signal."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, and nothing else, on stdout.")]


def emit(answer: BaseModel, as_json: bool, render: Callable[[], RenderableType]) -> None:
    """Print ``answer`` for a program, or what ``render`` makes of it for a person."""
    if as_json:
        emit_json(answer.model_dump_json(indent=2))
    else:
        say(render())


def emit_json(text: str) -> None:
    """Print JSON as it is: no colours, no wrapping, one line end."""
    sys.stdout.write(f"{text}\n")


def say(thing: RenderableType) -> None:
    """Print for a person on stdout."""
    Console(highlight=False).print(thing)


def note(sentence: str) -> None:
    """Print a remark on stderr, where it is in no program's way."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)


def refuse(sentence: str, code: int) -> NoReturn:
    """End the command with its sentence on stderr and its exit code."""
    note(sentence)
    raise typer.Exit(code)


def quiet_logs() -> None:
    """Keep log lines out of the answer of a command that asks one question: its error is a sentence of its own."""
    import structlog

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
