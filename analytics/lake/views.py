"""The views a lake reader meets, as SQL text: names that no statement can bind (files, columns) are written in here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from scoring.stats import STATS
from scoring.tables import PANES, REJECTS, REPORTS, SCORES

__all__ = ["DERIVED", "TABLES", "base_view", "literal", "quoted"]

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
_SUMS: Final = ",\n    ".join(f"sum({name})::BIGINT as {name}" for name in STATS)

# A pane of one increment keeps its histogram; of several, equal buckets are added up.
_PANES_VIEW: Final = f"""
create or replace view panes as
with sums as (
  select {_KEYS}, count(*) as increments,
    {_SUMS},
    coalesce(flatten(list(latency_buckets)), []) as buckets,
    coalesce(flatten(list(latency_counts)), []) as counts
  from pane_increments group by all
)
select {_KEYS}, increments, {", ".join(STATS)},
  list_sort(list_distinct(buckets)) as latency_buckets,
  case when increments = 1 and list_sort(buckets) = buckets then counts
    else list_transform(list_sort(list_distinct(buckets)), lambda bucket:
      list_sum(list_filter(counts, lambda n, place: buckets[place] = bucket))::BIGINT) end as latency_counts
from sums
"""

# Offsets order what was emitted in the same instant.
_LATEST_SCORES_VIEW: Final = f"""
create or replace view latest_scores as
with newest as (select provider_id, facet, max(row(as_of, "offset")) as key from scores group by all)
select {", ".join(f's."{name}"' for name in SCORES)} from scores s
join newest on s.provider_id = newest.provider_id and s.facet = newest.facet and row(s.as_of, s."offset") = newest.key
"""

DERIVED: Final[Mapping[str, str]] = {"panes": _PANES_VIEW, "scores": _LATEST_SCORES_VIEW}
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
        f"create or replace view {view} as select {names} from read_parquet({_listed(files)}, "
        "hive_partitioning = true, hive_types = {'date': DATE})"
    )


def quoted(name: str) -> str:
    """A column name in SQL (``offset`` is a keyword).

    >>> quoted("offset")
    '"offset"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def _listed(texts: Iterable[str]) -> str:
    return "[" + ", ".join(map(literal, texts)) + "]"
