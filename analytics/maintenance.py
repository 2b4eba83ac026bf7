"""The lake kept small beside ingest: round after round of retention, compaction and deletion of what nobody needs."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import duckdb
import structlog
from deltalake.exceptions import CommitFailedError, DeltaError

from analytics.compaction import GENTLY, TableCompaction, compact
from analytics.errors import AnalyticsError
from analytics.lake import TABLES, NoLake, open_table
from analytics.lake.address import check_path
from analytics.retention import TableRetention, retain
from analytics.settings import Settings

__all__ = ["NICENESS", "Care", "Round", "care_of", "give_way", "maintain", "round_of"]

log = structlog.get_logger()
NICENESS: Final = 10
"""Ingest and answers come first: on a busy machine this leaves maintenance a tenth of a core."""
AUTOGROUP: Final = Path("/proc/self/autogroup")
LOG_KEPT: Final = {"delta.logRetentionDuration": "interval 1 hours"}
"""As the worker sets it for the tables it makes; those made before have Delta's 30 days: a million files a table."""


@dataclass(frozen=True, slots=True)
class Care:
    """What is done, and how often."""

    every_s: float
    """Between the ends and beginnings of rounds."""
    vacuum_hours: int
    """Files that no version of the last so many hours needs are deleted, once in that time and at the start."""
    keep_days: Mapping[str, int | None]
    """Days that stay, by table; None: all."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to."""

    compacted: list[TableCompaction]
    retained: list[TableRetention]
    problems: list[str]
    seconds: float
    cpu_s: float


def care_of(settings: Settings) -> Care:
    """What the settings ask for."""
    keep = {table: getattr(settings, f"keep_{table}_days") for table in TABLES}
    return Care(settings.maintain_s, settings.vacuum_hours, keep)


def give_way() -> None:
    """Let ingest and answers come first.

    Linux shares the processor between sessions first and by niceness only within one, so a service, which has a session
    of its own, would give way to nobody by that alone. A session that it shares with others is left as it is.
    """
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):  # another system, or a kernel without groups by session
            AUTOGROUP.write_text(str(NICENESS))


def maintain(
    path: str, care: Care, stop: threading.Event, today: Callable[[], date] = lambda: datetime.now(UTC).date()
) -> None:
    """Rounds until ``stop``. What fails is told and tried again in the next round; a lake that is not there is awaited.

    Parameters
    ----------
    path
        Directory of the lake, or its address in an object store.
    care
        What to do.
    stop
        Set to end; a round under way is finished first.
    today
        UTC day of now.
    """
    vacuumed_s: float | None = None
    while not stop.wait(care.every_s):
        now_s = time.monotonic()
        due = vacuumed_s is None or now_s - vacuumed_s >= care.vacuum_hours * 3_600
        done = round_of(path, care, today(), care.vacuum_hours if due else None)
        vacuumed_s = now_s if due else vacuumed_s
        _tell(done)


def round_of(path: str, care: Care, today: date, vacuum_hours: int | None) -> Round:
    """One round over all tables. No table waits for another: what fails is in ``problems``.

    Parameters
    ----------
    path, care
        As in ``maintain``.
    today
        UTC day that is still being written.
    vacuum_hours
        Delete what no version of the last so many hours needs; None: delete nothing.
    """
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    compacted: list[TableCompaction] = []
    retained: list[TableRetention] = []
    problems: list[str] = []
    for name in TABLES:
        try:
            check_path(path)
            retained += retain(path, {name: care.keep_days.get(name)}, today)
            compacted += compact(path, today, vacuum_hours, effort=GENTLY, tables=[name])
            _clean_log(path, name)
        except NoLake:  # nobody has written yet
            break
        except (AnalyticsError, CommitFailedError, DeltaError, duckdb.Error, OSError) as error:
            said = (str(error) or repr(error)).splitlines()[0]
            problems.append(f"{name}: {said}")
    problems += [problem for table in compacted for problem in table.problems]
    took_s, used_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    return Round(compacted, retained, problems, took_s, used_s)


def _clean_log(path: str, name: str) -> None:
    """Delete log entries that a checkpoint holds and that are older than the table's property says."""
    table = open_table(path, name)
    if table is None:
        return
    if "delta.logRetentionDuration" not in table.metadata().configuration:
        table.alter.set_table_properties(LOG_KEPT, raise_if_not_exists=False)
    table.cleanup_metadata()


def _tell(done: Round) -> None:
    merged = {
        table.table: [table.files_before, table.files_after]
        for table in done.compacted
        if table.files_before != table.files_after
    }
    if merged or done.retained or done.problems or any(table.deleted_files for table in done.compacted):
        log.info(
            "lake_maintained",
            files=merged,
            deleted={table.table: table.deleted_files for table in done.compacted if table.deleted_files},
            retained={table.table: [str(table.kept_since), table.rows] for table in done.retained},
            seconds=round(done.seconds, 2),
            cpu_s=round(done.cpu_s, 2),
        )
    for problem in done.problems:
        log.error("lake_maintenance_failed", problem=problem)
