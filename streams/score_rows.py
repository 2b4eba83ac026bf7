"""Messages of ``trust.scores`` to rows of the lake."""

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from streams.schemas import SCORES_SCHEMA
from streams.wire import Record

__all__ = ["score_rows"]

_DECODER = msgspec.json.Decoder(ScoreRecord)


def score_rows(run: Sequence[Record], partition: int) -> pa.Table:
    """Rows for the lake's ``scores`` table; a tombstone gives none."""
    rows = [_row(_DECODER.decode(record.value), record, partition) for record in run if record.value]
    return pa.Table.from_pylist(rows, SCORES_SCHEMA)


def _row(score: ScoreRecord, record: Record, partition: int) -> dict[str, Any]:
    dimensions = score.dimensions
    row: dict[str, Any] = {
        "date": math.floor(score.as_of_s / 86_400),
        "as_of": round(score.as_of_s * 1e6),
        "partition": partition,
        "offset": record.offset,
        "record": (record.value or b"").decode(),
    }
    for name in (
        "provider_id",
        "facet",
        "trust_score",
        "lower",
        "upper",
        "success_probability",
        "confidence",
        "n",
        "n_effective",
        "flags",
    ):
        row[name] = getattr(score, name)
    for name in DIMENSIONS:
        row[name] = dimensions[name].value if name in dimensions else None
        row[f"z_{name}"] = dimensions[name].z_score if name in dimensions else None
    return row
