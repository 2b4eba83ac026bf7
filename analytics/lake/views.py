"""The views a lake reader meets, as SQL text: names that no statement can bind (files, columns) are written in here."""

from collections.abc import Mapping, Sequence
from typing import Final

from scoring.stats import STATS
from scoring.tables import PANES, REJECTS, REPORTS, SCORES

__all__ = ["DERIVED", "TABLES", "base_view", "literals", "pane_sums", "quoted"]

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "scores": SCORES, "panes": PANES, "reports": REPORTS, "rejects": REJECTS,
}  # fmt: skip
"""Tables by directory name. They are read in this order: what a score or pane came from was written before it."""

_VIEW_OF: Final = {"panes": "pane_increments"}

_TYPES: Final = {
    "string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "float64": "DOUBLE", "bool": "BOOLEAN", "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE", "binary": "BLOB", "list<string>": "VARCHAR[]", "list<int32>": "INTEGER[]",
    "list<int64>": "BIGINT[]",
}  # fmt: skip

_KEYS: Final = "date, provider_id, task_type, region, pane_start"


def pane_sums(increments: str, keys: str, also: str) -> str:
    """Query that adds increments up to one row per ``keys``: sums, one latency histogram, and what is asked ``also``.

    DuckDB leaves the join away when no histogram is asked for (0.1 s instead of 0.8 s for 700,000 increments).
    """
    sums = ", ".join(f"sum({name})::BIGINT as {name}" for name in STATS)
    return f"""
    with latencies as (
      select {keys}, bucket, sum(n)::BIGINT as n
      from (select {keys}, unnest(latency_buckets) as bucket, unnest(latency_counts) as n from {increments})
      group by all
    ), histograms as (
      select {keys}, list(bucket order by bucket) as latency_buckets, list(n order by bucket) as latency_counts
      from latencies group by {keys}
    ), sums as (select {keys}, {also}, {sums} from {increments} group by {keys})
    select sums.*, coalesce(latency_buckets, []) as latency_buckets, coalesce(latency_counts, []) as latency_counts
    from sums left join histograms using ({keys})
    """


# Offsets order what was emitted in the same instant.
_LATEST_SCORES_VIEW: Final = f"""
create or replace view latest_scores as
with newest as (select provider_id, facet, max(row(as_of, "offset")) as key from scores group by all)
select {", ".join(f's."{name}"' for name in SCORES)} from scores s
join newest on s.provider_id = newest.provider_id and s.facet = newest.facet and row(s.as_of, s."offset") = newest.key
"""

DERIVED: Final[Mapping[str, str]] = {
    "panes": "create or replace view panes as " + pane_sums("pane_increments", _KEYS, "count(*) as increments"),
    "scores": _LATEST_SCORES_VIEW,
}
"""The view that stands on a table's own, by table."""


def base_view(table: str, files: Sequence[str]) -> str:
    """Statement that makes the view of a table's rows from its Parquet files; without files: no rows, same columns."""
    columns = TABLES[table]
    view = _VIEW_OF.get(table, table)
    if not files:
        nothing = ", ".join(f"null::{_TYPES[kind]} as {quoted(name)}" for name, kind in columns.items())
        return f"create or replace view {view} as select {nothing} where false"
    names = ", ".join(map(quoted, columns))
    return (
        f"create or replace view {view} as select {names} from read_parquet({literals(files)}, "
        "hive_partitioning = true, hive_types = {'date': DATE})"
    )


def quoted(name: str) -> str:
    """A column name in SQL (``offset`` is a keyword).

    >>> quoted("offset")
    '"offset"'
    """
    return '"' + name.replace('"', '""') + '"'


def literals(texts: Sequence[str]) -> str:
    """A list of texts in SQL.

    >>> literals(["a", "it's"])
    "['a', 'it''s']"
    """
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"
