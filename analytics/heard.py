"""Reports as a predictor hears them: from messages of ``trust.reports``, or from the lake."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from aiokafka.structs import ConsumerRecord

from analytics.intake import ARROW
from analytics.lake import Lake
from scoring.prediction import Heard
from scoring.reports import FIELDS, FUTURE_S, OUTCOMES, PAST_S, PROVIDER_ID, epoch_s

__all__ = ["ReportReader", "last_reports"]

_LONGEST_MS: Final = next(field.maximum for field in FIELDS if field.name == "latency_ms")
_REMEMBERED: Final = 50_000
"""Report ids in one of two sets; the older one goes when the newer one is full."""
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Report(msgspec.Struct, gc=False):
    """What a predictor needs of a report; other fields are passed over."""

    provider_id: _Id
    outcome: str
    timestamp: float | str
    reporter_id: _Id | None = None
    task_type: _Word | None = None
    region: _Word | None = None
    latency_ms: float | None = None
    report_id: _Word | None = None


_REPORT: Final = msgspec.json.Decoder(_Report)
_COLUMNS: Final = ("provider_id", "outcome", "timestamp", "reporter_id", "task_type", "region", "latency_ms")
_Row = tuple[Any, ...]
"""In the order of ``_COLUMNS``."""
_row_of: Final[Callable[[_Report], _Row]] = attrgetter(*_COLUMNS)


class ReportReader:
    """Messages into what was heard. What a worker would reject is left out, and a report id counts once.

    It remembers the last 50,000 to 100,000 ids.
    """

    def __init__(self) -> None:
        self._newer: set[_Row] = set()
        self._older: set[_Row] = set()
        self.left_out = 0
        """Messages, or rows of Arrow messages, that were left out so far."""

    def read(self, messages: Iterable[ConsumerRecord]) -> Heard:
        """The usable reports of a run of messages, in their order."""
        rows: list[_Row] = []
        for message in messages:
            found = _arrow_rows(message.value) if _is_arrow(message) else self._json_rows(message.value or b"")
            received_s = message.timestamp / 1e3
            usable = [row for row in found if row is not None and _is_usable(row, received_s)]
            self.left_out += len(found) - len(usable)
            rows += usable
        return _heard(rows)

    def _json_rows(self, value: bytes) -> list[_Row | None]:
        try:
            report = _REPORT.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return [None]
        if report.report_id is not None and self._is_known((report.provider_id, report.reporter_id, report.report_id)):
            return [None]
        return [_row_of(report)]

    def _is_known(self, key: _Row) -> bool:
        if key in self._newer or key in self._older:
            return True
        if len(self._newer) >= _REMEMBERED:
            self._newer, self._older = set(), self._newer
        self._newer.add(key)
        return False


def last_reports(lake: Lake, limit: int) -> Heard:
    """The newest reports of the lake, oldest first.

    Parameters
    ----------
    lake
        The lake.
    limit
        At most so many, by the broker's time.
    """
    sql = """
        select provider_id, outcome, epoch(timestamp), reporter_id, task_type, region, latency_ms from reports
        order by received_at desc, partition, "offset" desc, row desc limit $limit
    """
    return _heard(lake.rows(sql, {"limit": limit})[::-1])


def _is_arrow(message: ConsumerRecord) -> bool:
    return any(name.lower() == "content-type" and value == ARROW.encode() for name, value in message.headers)


def _arrow_rows(value: bytes | None) -> Sequence[_Row | None]:
    try:
        table = pa.ipc.open_stream(value or b"").read_all()
        nothing = [None] * len(table)
        columns = [table[name].to_pylist() if name in table.column_names else nothing for name in _COLUMNS]
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return [None]
    return list(zip(*columns, strict=True))


def _is_usable(row: _Row, received_s: float) -> bool:
    provider_id, outcome, timestamp, _, _, _, latency_ms = row
    try:
        event_s = timestamp.timestamp() if isinstance(timestamp, datetime) else epoch_s(timestamp)
        long = latency_ms is not None and not 0 <= latency_ms <= _LONGEST_MS
        named = isinstance(provider_id, str) and PROVIDER_ID.match(provider_id) is not None
    except (TypeError, ValueError, OverflowError):
        return False
    return named and outcome in OUTCOMES and not long and -PAST_S <= event_s - received_s <= FUTURE_S


def _heard(rows: Sequence[_Row]) -> Heard:
    provider, outcome, _, reporter, task, region, latency = (
        list(column) for column in (zip(*rows, strict=True) if rows else [()] * len(_COLUMNS))
    )
    return Heard(
        provider,
        reporter,
        task,
        region,
        np.array([found == "success" for found in outcome], dtype=np.bool_),
        np.array([math.nan if found is None else found for found in latency], dtype=np.float64),
    )
