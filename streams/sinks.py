"""The worker's side of the lake: the tables it writes, one commit a table and flush."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoring.panes import increments
from scoring.series import Series
from scoring.stats import STATS
from streams.columns import FOLDED, columns_of
from streams.delta_sink import DeltaSink, is_remote
from streams.lake_faults import unwritable
from streams.lake_watch import LakeWatch
from streams.schemas import PANES_SCHEMA, REJECTS_SCHEMA, REPORTS_SCHEMA, SCORES_SCHEMA

__all__ = ["LakeSinks", "pane_rows"]

UNLIKE: Final = ("timestamp", "report_id", "latency_ms", "offset", "trace_id")
"""Columns of reports that hardly hold a value twice: to look for one took a fifth of the time of a write."""
CHUNK_ROWS: Final = 2_000
"""Rows of a chunk, on average, below which chunks are joined: Arrow messages come by the hundred rows, and each chunk
has a price. Joining takes as much memory again."""


class LakeSinks:
    """The tables a worker writes.

    Parameters
    ----------
    root
        Directory of the lake, or its address in an object store.
    reports_topic, scores_topic
        Where the rows come from.
    watch
        Told how each commit ends.
    """

    def __init__(self, root: str, reports_topic: str, scores_topic: str, watch: LakeWatch | None = None) -> None:
        self._root, self.watch = root, watch or LakeWatch()
        self._opening, self._written = threading.Lock(), 0
        self.reports = DeltaSink(root, "reports", REPORTS_SCHEMA, reports_topic, plain=UNLIKE)
        self.panes = DeltaSink(root, "panes", PANES_SCHEMA, reports_topic, pane_rows)
        self.rejects = DeltaSink(root, "rejects", REJECTS_SCHEMA, reports_topic)
        self.scores = DeltaSink(root, "scores", SCORES_SCHEMA, scores_topic)

    def open(self) -> None:
        """Make the tables that are not there yet, so that a lake that takes nothing is known before the first report.

        Raises
        ------
        LakeUnwritable
            When one can neither be opened nor made.
        """
        with self._opening:
            if not is_remote(self._root):
                try:
                    Path(self._root).mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise unwritable("reports", self._root, error) from error
            for sink in (self.reports, self.panes, self.rejects, self.scores):
                sink.open()

    def write_reports(self, reports: pa.Table, rejects: pa.Table, through: Mapping[int, int]) -> int:
        """Reports, the panes they add to, and the rejects of the same run of offsets; how many reports were new.

        Those that went in with a try that failed at a later table are counted when the rest has followed.

        Raises
        ------
        LakeUnwritable
            When one of the tables does not take them. What another has taken is left out of the next try.
        """
        with self.watch.commit("reports"):
            self.open()
            if len(reports) < CHUNK_ROWS * reports["offset"].num_chunks:
                reports = reports.combine_chunks()
            self._written += self.reports.write(reports, through)
            self.panes.write(reports, through)
            self.rejects.write(rejects, through)
            written, self._written = self._written, 0
            return written

    def write_scores(self, scores: pa.Table, through: Mapping[int, int]) -> int:
        """Scores; how many were new. Without rows: see that the lake takes something at all.

        Raises
        ------
        LakeUnwritable
            When the table does not take them.
        """
        with self.watch.commit("scores"):
            self.open()
            return self.scores.write(scores, through)


def pane_rows(reports: pa.Table) -> pa.Table:
    """What the reports add to the one-minute panes, a row per minute, series and source partition."""
    folded, partition = reports.select(FOLDED), reports["partition"]  # a filter copies all columns
    tables = [_pane_rows(folded.filter(pc.equal(partition, p)), p) for p in pc.unique(partition).to_pylist()]
    return pa.concat_tables(tables)


def _pane_rows(reports: pa.Table, partition: int) -> pa.Table:
    columns = columns_of(reports)
    inc = increments(columns)
    panes = len(inc.minute_s)
    ends = np.searchsorted(inc.sketch_group, np.arange(panes + 1)).astype(np.int32)
    series = Series.of(columns.names)
    named = zip(("provider_id", "task_type", "region"), series.words, series.part.T, strict=True)
    made = {
        "date": pa.array((inc.minute_s // 86_400).astype(np.int32)).view(pa.date32()),
        **{name: pa.array(words, pa.string()).take(pa.array(part[inc.series])) for name, words, part in named},
        "pane_start": pa.array(inc.minute_s * 1_000_000).view(pa.timestamp("us", tz="UTC")),
        "partition": pa.array(np.full(panes, partition, np.int32)),
        "last_offset": inc.last_offset,
        "latency_buckets": pa.ListArray.from_arrays(ends, inc.sketch_bucket.astype(np.int32)),
        "latency_counts": pa.ListArray.from_arrays(ends, inc.sketch_count),
        **{STATS[number]: sums for number, sums in inc.sums.items()},
    }
    nothing = np.zeros(panes, np.int64)
    return pa.table([made.get(name, nothing) for name in PANES_SCHEMA.names], PANES_SCHEMA)
