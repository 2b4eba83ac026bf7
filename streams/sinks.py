"""The worker's side of the lake: Delta commits that name the offsets they hold, so that each report is in once."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError

from scoring.panes import increments
from streams.columns import columns_of
from streams.schemas import PANES_SCHEMA, REJECTS_SCHEMA, REPORTS_SCHEMA, SCORES_SCHEMA

__all__ = ["DeltaSink", "LakeSinks", "pane_rows"]

ATTEMPTS: Final = 20
"""Commits tried when other writers come first: a worker's own transactions never conflict, its successor's do."""


class DeltaSink:
    """One Delta table fed from one topic, exactly once.

    A commit carries the transaction ``<topic>-<partition>`` with the last offset it holds; rows at or below the offset
    that the table already holds are left out. Two writers of the same partition (a paused worker and its successor)
    conflict on that transaction: the later one reads the table anew and leaves out what came first.

    Source: the Delta transaction protocol, section Transaction Identifiers.
    """

    def __init__(
        self, root: str, name: str, schema: pa.Schema, topic: str, make: Callable[[pa.Table], pa.Table] | None = None
    ) -> None:
        uri = str(Path(root) / name)
        self.topic = topic
        self._make = make
        self._table = DeltaTable.create(uri, schema, mode="ignore", partition_by=["date"])

    def write(self, rows: pa.Table, through: Mapping[int, int]) -> int:
        """Append the rows (columns ``partition``, ``offset``, …) that are new; how many those were.

        Parameters
        ----------
        rows
            Rows from the topic, all up to ``through``.
        through
            Last offset read of each partition in ``rows``.

        Raises
        ------
        CommitFailedError
            When other writers came first 20 times.
        """
        for attempt in range(ATTEMPTS):
            self._table.update_incremental()
            new = self._unseen(rows, through)
            if not len(new):
                return 0
            done = [Transaction(self._id(partition), offset) for partition, offset in self._ahead(through).items()]
            try:
                write_deltalake(
                    self._table,
                    self._make(new) if self._make else new,
                    mode="append",
                    commit_properties=CommitProperties(app_transactions=done),
                )
            except CommitFailedError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return len(new)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _id(self, partition: int) -> str:
        return f"{self.topic}-{partition}"

    def _held(self, partition: int) -> int:
        last = self._table.transaction_version(self._id(partition))
        return -1 if last is None else int(last)

    def _ahead(self, through: Mapping[int, int]) -> dict[int, int]:
        """Offsets beyond what the table holds: a paused worker must not set a partition's offset back."""
        return {partition: offset for partition, offset in through.items() if offset > self._held(partition)}

    def _unseen(self, rows: pa.Table, through: Mapping[int, int]) -> pa.Table:
        new = np.ones(len(rows), bool)
        partition, offset = rows["partition"].to_numpy(), rows["offset"].to_numpy()
        for number in through:
            new &= (partition != number) | (offset > self._held(number))
        return rows if new.all() else rows.filter(pa.array(new))


class LakeSinks:
    """The tables a worker writes."""

    def __init__(self, root: str, reports_topic: str, scores_topic: str) -> None:
        Path(root).mkdir(parents=True, exist_ok=True)
        self.reports = DeltaSink(root, "reports", REPORTS_SCHEMA, reports_topic)
        self.panes = DeltaSink(root, "panes", PANES_SCHEMA, reports_topic, pane_rows)
        self.rejects = DeltaSink(root, "rejects", REJECTS_SCHEMA, reports_topic)
        self.scores = DeltaSink(root, "scores", SCORES_SCHEMA, scores_topic)

    def write_reports(self, reports: pa.Table, rejects: pa.Table, through: Mapping[int, int]) -> int:
        """Reports, the panes they add to, and the rejects of the same run of offsets; how many reports were new."""
        reports = reports.combine_chunks()  # Arrow messages come by the hundred rows: each chunk has a price
        written = self.reports.write(reports, through)
        self.panes.write(reports, through)
        self.rejects.write(rejects, through)
        return written


def pane_rows(reports: pa.Table) -> pa.Table:
    """What the reports add to the one-minute panes, a row per minute, series and source partition."""
    tables = [
        _pane_rows(reports.filter(pc.equal(reports["partition"], p)), p)
        for p in pc.unique(reports["partition"]).to_pylist()
    ]
    return pa.concat_tables(tables)


def _pane_rows(reports: pa.Table, partition: int) -> pa.Table:
    columns = columns_of(reports)
    inc = increments(columns)
    ends = np.searchsorted(inc.sketch_group, np.arange(len(inc.minute_s) + 1)).astype(np.int32)
    names = [columns.names[series] for series in inc.series.tolist()]
    made = {
        "date": pa.array((inc.minute_s // 86_400).astype(np.int32)).view(pa.date32()),
        "provider_id": [name[0] for name in names],
        "task_type": [name[1] for name in names],
        "region": [name[2] for name in names],
        "pane_start": pa.array(inc.minute_s * 1_000_000).view(pa.timestamp("us", tz="UTC")),
        "partition": pa.array(np.full(len(names), partition, np.int32)),
        "last_offset": inc.last_offset,
        "latency_buckets": pa.ListArray.from_arrays(ends, inc.sketch_bucket.astype(np.int32)),
        "latency_counts": pa.ListArray.from_arrays(ends, inc.sketch_count),
    }
    first = PANES_SCHEMA.names.index("success")
    arrays = [made[name] if name in made else inc.stats[:, at - first] for at, name in enumerate(PANES_SCHEMA.names)]
    return pa.table(arrays, PANES_SCHEMA)
