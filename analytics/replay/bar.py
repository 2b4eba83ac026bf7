"""The progress bar of a replay, on stderr and only where somebody looks at it."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from analytics.replay.sending import Sent

__all__ = ["ReplayBar"]


class ReplayBar:
    """How far a replay has come in event time, and how fast.

    Parameters
    ----------
    hidden
        Show nothing, only keep count.
    """

    def __init__(self, hidden: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.fields[words]}"), BarColumn(), TimeElapsedColumn(),
            console=console, transient=True, disable=hidden or not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("replay", total=None, words="reading")
        self.last_s: float | None = None
        """Event time at which the bar is full; None: not known, it only moves."""
        self.read = 0
        """Reports handed to Kafka so far."""

    def show(self, sent: Sent) -> None:
        """Move on."""
        self.read = sent.read
        words = f"{sent.acknowledged:,} acknowledged, {sent.acknowledged / max(sent.elapsed_s, 1e-3):,.0f}/s"
        if self.last_s is None or sent.first_s is None or sent.last_s is None:
            self._progress.update(self._task, words=words)
        else:
            whole_s = max(self.last_s - sent.first_s, 1e-3)
            self._progress.update(self._task, words=words, total=whole_s, completed=sent.last_s - sent.first_s)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
