"""A progress bar on stderr for long work; none where stderr is no terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from analytics.progress import Progress as Told

__all__ = ["progress_bar"]


@contextmanager
def progress_bar() -> Iterator[Told]:
    """What to tell how far the work is; the bar goes away at the end."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        bar = shown.add_task("")

        def told(what: str, done: int, of: int) -> None:
            shown.update(bar, description=what, completed=done, total=of)

        yield told
