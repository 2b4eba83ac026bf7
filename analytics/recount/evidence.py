"""Score inputs counted anew: windows, histograms, baselines and regions of each score at its own moment."""

from collections.abc import Sequence
from typing import Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from analytics.recount.columns import COUNTED, SUMS, fill
from scoring.anomalies import baseline
from scoring.evidence import Evidence
from scoring.records import ScoreRecord
from scoring.stats import BUCKETS, LEVELS_S, QUANTILE_WINDOWS, STATS, WINDOWS, covers

__all__ = ["evidence_of"]

_BASELINE_HOURS: Final = 167
_BASELINE_MINUTES: Final = 55
_FOREVER_S: Final = 10**12


def evidence_of(cursor: duckdb.DuckDBPyConnection, records: Sequence[ScoreRecord]) -> Evidence:
    """All that each record's score is made from, counted anew from the reports it went through.

    Parameters
    ----------
    cursor
        After ``prepare``.
    records
        Each at its own ``as_of_s``, with the reports up to its own ``through``.
    """
    regions = _enter(cursor, records)
    _count(cursor)
    entities, rows = len(records), len(records) + len(regions)
    windows = _window_sums(cursor, records, regions)
    hours, minutes = (
        _baseline_sums(cursor, records, *level) for level in ((1, _BASELINE_HOURS), (0, _BASELINE_MINUTES))
    )
    last_report_s = np.full(rows, np.nan)
    for entity, event_us in cursor.execute(
        "select entity, max(event_us) from counted_minutes group by entity order by entity limit $rows", {"rows": rows}
    ).fetchall():
        last_report_s[entity] = event_us / 1e6
    return Evidence(
        windows=windows[:entities],
        sketches=_sketches(cursor, records),
        baseline=baseline(hours, minutes),
        last_report_s=last_report_s[:entities],
        region_windows=windows[entities:],
        region_of=np.array(regions, np.int64),
    )


def _enter(cursor: duckdb.DuckDBPyConnection, records: Sequence[ScoreRecord]) -> list[int]:
    """Fill the tables of entities and of what they went through; the record each region's row belongs to.

    Regions of a provider are entities too, as of its own score: rows after those of the records.
    """
    whole = {record.provider_id: row for row, record in enumerate(records) if not record.facet}
    found = cursor.execute(
        "select distinct provider_id, region from reports"
        " where list_contains($ids, provider_id) and region is not null"
        " order by provider_id, region limit 1_000_000",
        {"ids": [*whole]},
    ).fetchall()
    regions = [whole[provider_id] for provider_id, _ in found]
    names = [(record.provider_id, record.facet) for record in records]
    names += [(provider_id, f"region={region}") for provider_id, region in found]
    ids, facets = zip(*names, strict=True)
    fill(cursor, "entities", {"entity": [*range(len(names))], "provider_id": [*ids], "facet": [*facets]})
    through = [
        (row, partition, offset)
        for row, record in enumerate([*records, *(records[owner] for owner in regions)])
        for partition, offset in record.through.items()
    ]
    entity, partition, offset = zip(*through, strict=True) if through else ((), (), ())
    fill(cursor, "gone_through", {"entity": [*entity], "partition": [*partition], "through": [*offset]})
    return regions


def _count(cursor: duckdb.DuckDBPyConnection) -> None:
    """One-minute sums and latency counts of each entity: a report counts for its provider, its task, its region."""
    counted = f"""
        (select unnest(['', 'task=' || nullif(task_type, ''), 'region=' || nullif(region, '')]) as facet, *
          from ({COUNTED} where provider_id in (select provider_id from entities))) as report
        join entities using (provider_id, facet)
        join gone_through using (entity, partition)
        where "offset" <= through
    """
    cursor.execute(
        f"create or replace temp table counted_minutes as"
        f" select entity, minute_s, max(event_us) as event_us, {SUMS} from {counted} group by all"
    )
    cursor.execute(
        f"""
        create or replace temp table counted_latency as
        select entity, minute_s, bucket, count(*) as n
        from (select entity, minute_s, answered_us from {counted} and answered_us is not null) as answered
        asof join latency_bounds on answered.answered_us <= latency_bounds.bound_us group by all
        """
    )


def _window_sums(
    cursor: duckdb.DuckDBPyConnection, records: Sequence[ScoreRecord], regions: Sequence[int]
) -> NDArray[np.int64]:
    spans = [
        (row, place, *_span_s(number, record.as_of_s), _FOREVER_S)
        for row, record in enumerate([*records, *(records[owner] for owner in regions)])
        for place, number in enumerate(range(len(WINDOWS)))
    ]
    return _sums(cursor, spans, (len(records) + len(regions), len(WINDOWS)))


def _baseline_sums(
    cursor: duckdb.DuckDBPyConnection, records: Sequence[ScoreRecord], level: int, panes: int
) -> NDArray[np.int64]:
    """Sums of the closed panes before the running hour (level 1), or before the 5m window (level 0), oldest first."""
    length_s = LEVELS_S[level]
    spans = []
    for row, record in enumerate(records):
        end_s = covers(WINDOWS[0], record.as_of_s)[0] if level == 0 else int(record.as_of_s // length_s) * length_s
        spans.append((row, 0, end_s - panes * length_s, end_s, length_s))
    return _sums(cursor, spans, (len(records), panes))


def _span_s(window: int, as_of_s: float) -> tuple[int, int]:
    """Event times a window covers: from (inclusive), until (exclusive)."""
    first, last = covers(WINDOWS[window], as_of_s)
    return first, last + WINDOWS[window].level_s


def _enter_spans(cursor: duckdb.DuckDBPyConnection, spans: Sequence[tuple[int, ...]]) -> None:
    entity, place, first_s, end_s, step_s = ([*column] for column in zip(*spans, strict=True))
    fill(cursor, "spans", {"entity": entity, "place": place, "first_s": first_s, "end_s": end_s, "step_s": step_s})


def _sums(
    cursor: duckdb.DuckDBPyConnection, spans: Sequence[tuple[int, ...]], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Sums [entity, place, statistic] over spans (entity, first place, from, until, seconds a place)."""
    _enter_spans(cursor, spans)
    found = cursor.execute(
        f"""
        select entity, place + (minute_s - first_s) // step_s as slot, {SUMS}
        from counted_minutes join spans using (entity)
        where minute_s >= first_s and minute_s < end_s group by all order by entity, slot limit {shape[0] * shape[1]}
        """
    ).fetchnumpy()
    dense = np.zeros((*shape, len(STATS)), np.int64)
    for column, name in enumerate(STATS):
        dense[found["entity"], found["slot"], column] = found[name]
    return dense


def _sketches(cursor: duckdb.DuckDBPyConnection, records: Sequence[ScoreRecord]) -> NDArray[np.int64]:
    windows = [number for number, window in enumerate(WINDOWS) if window.name in QUANTILE_WINDOWS]
    spans = [
        (row, place, *_span_s(number, record.as_of_s), _FOREVER_S)
        for row, record in enumerate(records)
        for place, number in enumerate(windows)
    ]
    _enter_spans(cursor, spans)
    dense = np.zeros((len(records), len(windows), BUCKETS), np.int64)
    found = cursor.execute(
        f"""
        select entity, place, bucket, sum(n)::BIGINT as n from counted_latency join spans using (entity)
        where minute_s >= first_s and minute_s < end_s group by all order by entity, place, bucket limit {dense.size}
        """
    ).fetchnumpy()
    dense[found["entity"], found["place"], found["bucket"]] = found["n"]
    return dense
