"""One Delta table fed from one topic: commits that name the offsets they hold, so that each row is in once."""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import structlog
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError

from streams.crash import crash_point
from streams.delta_files import storage_of, write_files
from streams.lake_faults import unwritable
from streams.lake_log import CutEntry, cut_head, set_aside

__all__ = ["ATTEMPTS", "STILL_S", "DeltaSink", "is_remote"]

log = structlog.get_logger()
ATTEMPTS: Final = 20
"""Commits tried when other writers come first: a worker's own transactions never conflict, its successor's do."""
STILL_S: Final = 5.0
"""A half-written log entry is set aside once nobody has touched it for so long: writing one takes milliseconds."""
REMOTE: Final = {"timeout": "20s", "connect_timeout": "5s", "max_retries": "3", "retry_timeout": "30s"}
"""Of object stores: deltalake's own 180 s would keep a flush, and the end of a worker, waiting."""
TABLE_PROPERTIES: Final = {"delta.logRetentionDuration": "interval 1 hours"}
"""A commit every two seconds makes 43,200 log entries a day, which every later commit would list. Nobody asks for an
old version by its number: readers take the newest, and one that slept opens the table anew."""


PARTITION_BY: Final = "date"


def is_remote(root: str) -> bool:
    """Whether the lake is in an object store (``s3://bucket/prefix``) and no directory."""
    return "://" in root


class DeltaSink:
    """One Delta table fed from one topic, exactly once.

    A commit carries the transaction ``<topic>-<partition>`` with the last offset it holds; rows at or below the offset
    that the table already holds are left out. Two writers of the same partition (a paused worker and its successor)
    conflict on that transaction: the later one reads the table anew and leaves out what came first. The same rule makes
    good a commit that went through and whose answer was lost.

    The table is made when it is first opened. One that is gone later is not made again: an empty directory is more
    often a disk that is not mounted than a new lake.

    Parameters
    ----------
    root
        Directory of the lake, or its address in an object store; the environment holds what that store wants to know
        (``AWS_…``).
    name
        Of the table.
    schema
        Of the table's rows.
    topic
        The rows come from.
    make
        Rows of the table from the rows given; absent: they are those.
    plain
        Columns whose values hardly repeat: no dictionary is made of them.
    clock
        Seconds of a clock that never goes back.

    References
    ----------
    The Delta transaction protocol, section Transaction Identifiers.
    """

    def __init__(
        self,
        root: str,
        name: str,
        schema: pa.Schema,
        topic: str,
        make: Callable[[pa.Table], pa.Table] | None = None,
        plain: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root, self.name, self.topic = root, name, topic
        self._uri = f"{root.rstrip('/')}/{name}" if is_remote(root) else str(Path(root) / name)
        self._options = REMOTE if is_remote(root) else None
        self._schema, self._make, self._clock = schema, make, clock
        self._plain = tuple(plain)
        self._table: DeltaTable | None = None
        self._known: tuple[int, Mapping[int, int]] = (-1, {})
        self._suspect: tuple[CutEntry, float] | None = None

    def open(self) -> None:
        """Make the table, or find it, if that has not been done.

        Raises
        ------
        LakeUnwritable
            When it cannot be opened.
        """
        if self._table is None:
            self._table = self._opened(
                lambda: DeltaTable.create(
                    self._uri, self._schema, mode="ignore", partition_by=[PARTITION_BY], configuration=TABLE_PROPERTIES,
                    storage_options=self._options,
                )
            )  # fmt: skip

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
        LakeUnwritable
            When the storage does not take them, or other writers came first 20 times.
        """
        for attempt in range(ATTEMPTS):
            table = self._newest()
            try:
                return self._add(table, rows, through)
            except CommitFailedError as error:
                if attempt == ATTEMPTS - 1:
                    raise unwritable(self.name, self.root, error) from error
            except (DeltaError, OSError) as error:
                raise unwritable(self.name, self.root, error) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _add(self, table: DeltaTable, rows: pa.Table, through: Mapping[int, int]) -> int:
        """One commit with the offsets beyond what the table holds: a paused worker must not set a partition back."""
        held = self._held(table, through)
        new = _unseen(rows, {partition: held[partition] for partition in through})
        if not len(new):
            return 0
        done = {partition: offset for partition, offset in through.items() if offset > held[partition]}
        before = table.version()
        crash_point("before-lake-commit")
        made = self._make(new) if self._make else new
        storage = storage_of(table, None if is_remote(self.root) else Path(self._uri), self._options)
        table.create_write_transaction(
            list(write_files(storage, made, PARTITION_BY, self._plain)),
            "append",
            self._schema,
            [PARTITION_BY],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(self._id(partition), offset) for partition, offset in done.items()]
            ),
        )
        crash_point("after-lake-commit")
        if table.version() == before + 1:  # nobody came between
            self._known = table.version(), held | done
        return len(new)

    def _newest(self) -> DeltaTable:
        """The table as it is now."""
        self.open()
        assert self._table is not None
        try:
            self._look()
            self._table.update_incremental()
        except (DeltaError, OSError):  # its log was cleaned since, or is damaged, or away: the second look tells
            self._table = self._opened(lambda: DeltaTable(self._uri, storage_options=self._options), self._table)
        return self._table

    def _look(self) -> None:
        """See that a local table is there: deltalake 1.6 finds nothing new in one that is gone, and writes files."""
        if not is_remote(self.root) and not (Path(self._uri) / "_delta_log").is_dir():
            raise FileNotFoundError(f"No such file or directory: {self._uri}/_delta_log")

    def _opened(self, how: Callable[[], DeltaTable], known: DeltaTable | None = None) -> DeltaTable:
        """The table opened; a half-written end of its log is set aside once it is certain that nobody writes it."""
        try:
            return how()
        except (DeltaError, OSError) as error:
            if not self._mended():
                raise unwritable(self.name, self.root, error, self._step()) from error
        try:
            return how()
        except (DeltaError, OSError) as error:
            self._table = known
            raise unwritable(self.name, self.root, error) from error

    def _mended(self) -> bool:
        """Whether a half-written end of the log was moved aside. Its writer was never told that it had committed."""
        head = None if is_remote(self.root) else cut_head(Path(self._uri))
        if head is None or self._suspect is None or self._suspect[0] != head:
            self._suspect = None if head is None else (head, self._clock())
            return False
        if self._clock() - self._suspect[1] < STILL_S:
            return False
        self._suspect = None
        kept = set_aside(head)
        if kept is not None:
            log.warning(
                "lake_log_entry_set_aside", table=self.name, lake=self.root, entry=head.path.name, kept=kept.name
            )
        return kept is not None

    def _step(self) -> str | None:
        if self._suspect is None:
            return None
        entry = self._suspect[0].path.name
        return f"{entry}, the last of its log, ends in the middle; set aside once it has not changed for {STILL_S:g} s"

    def _id(self, partition: int) -> str:
        return f"{self.topic}-{partition}"

    def _held(self, table: DeltaTable, partitions: Iterable[int]) -> dict[int, int]:
        """Last offset that the table holds, by partition. Asking Delta reads its log: 2 to 7 ms a partition."""
        version, known = self._known
        held = dict(known) if version == table.version() else {}
        for partition in partitions:
            if partition not in held:
                last = table.transaction_version(self._id(partition))
                held[partition] = -1 if last is None else int(last)
        self._known = table.version(), held
        return held


def _unseen(rows: pa.Table, held: Mapping[int, int]) -> pa.Table:
    """Rows beyond the offset held of their partition."""
    new = np.ones(len(rows), bool)
    partition, offset = rows["partition"].to_numpy(), rows["offset"].to_numpy()
    for number, last in held.items():
        new &= (partition != number) | (offset > last)
    return rows if new.all() else rows.filter(pa.array(new))
