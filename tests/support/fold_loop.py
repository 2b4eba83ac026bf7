"""A fold loop and its surroundings in memory."""

from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from streams.agents import FoldLoop
from streams.codec import decode_updates
from streams.sinks import LakeSinks
from streams.steps.score import ScoreState, merge
from streams.telemetry import Telemetry
from tests.support.memory_worker import Chunks, Event, MemoryTable, MemoryTopic, settings
from tests.support.plain_panes import NOW_S, Pane, PaneKey, panes_in
from tests.support.wire_cases import json_message

__all__ = ["Loop", "chunk", "rows", "sums"]


class Loop:
    """A fold loop and its surroundings in memory, with the lake in ``root``."""

    def __init__(self, root: Path | None = None, log: Any = (), **values: Any) -> None:
        self.table, self.panes, self.rejects = MemoryTable(log), MemoryTopic(), MemoryTopic()
        self.telemetry = Telemetry()
        self.committed: dict[int, int] = {}
        """By partition, the offset from which its records would be read again."""
        self.lake = LakeSinks(str(root), "trust.reports", "trust.scores") if root else None
        self.fold = FoldLoop(
            settings(**values), self.table.as_table, self.panes.as_topic, self.rejects.as_topic, self.lake,
            self.telemetry, lambda: float(NOW_S), lambda partition: self.committed.get(partition, 0),
        )  # fmt: skip

    async def read(self, *events: Event) -> None:
        """Let the agent see the events."""
        await self.fold.run(Chunks(*events).as_stream)

    def told(self) -> dict[PaneKey, Pane]:
        """Panes as the scores hold them after all messages, without their source partition."""
        state = ScoreState()
        for message in self.panes.messages:
            merge(state, decode_updates(message.value))
        panes: dict[PaneKey, Pane] = {}
        for (level, start, name), pane in panes_in(state.book)[0].items():
            held = panes.setdefault((level, start, name.partition("\x00")[2]), Pane())
            held.stats.update(pane.stats)
            held.buckets.update(pane.buckets)
        return panes

    def counted(self, name: str) -> float:
        """Value of a metric."""
        return self.telemetry.registry.get_sample_value(name) or 0.0


def chunk(reports: list[Any], partition: int = 0, first: int = 0) -> Event:
    return Event("trust.reports", partition, [json_message(first + at, report) for at, report in enumerate(reports)])


def sums(panes: dict[PaneKey, Pane]) -> dict[PaneKey, tuple[dict[str, int], dict[int, int]]]:
    return {key: (dict(pane.stats), dict(pane.buckets)) for key, pane in panes.items()}


def rows(root: Path, table: str) -> int:
    return len(DeltaTable(str(root / table)).to_pyarrow_table())
