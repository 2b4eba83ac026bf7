"""The lake as DuckDB sees it: Delta tables of Parquet files, read through views in an in-memory database.

A reader locks nothing and waits for nobody: Delta's log says which files make up a table, DuckDB reads those files.

    from analytics import lake

    con = lake.connect("trustscore-data/lake")
    con.sql("select provider_id, trust_score from latest_scores").df()
"""

from analytics.lake.errors import LakeError, NoLake, UnreadableTable
from analytics.lake.reader import Lake, connect, refresh
from analytics.lake.tables import TableState, open_table, schema_of
from analytics.lake.views import TABLES

__all__ = [
    "TABLES", "Lake", "LakeError", "NoLake", "TableState", "UnreadableTable", "connect", "open_table", "refresh",
    "schema_of",
]  # fmt: skip
