"""Messages of ``trust.scores`` to rows of the lake."""

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import pyarrow as pa

from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from streams.schemas import SCORES_SCHEMA
from streams.wire import Record

__all__ = ["score_rows"]


class _Dimension(msgspec.Struct, gc=False):
    """What a row holds of a dimension."""

    value: float | None
    z_score: float | None


_AS_THEY_ARE: Final = tuple(name for name in ScoreRecord.__annotations__ if name in SCORES_SCHEMA.names)
_Dimensions: Final = msgspec.defstruct(
    "_Dimensions", [(name, _Dimension | None, None) for name in DIMENSIONS], gc=False
)
_Score: Final = msgspec.defstruct(
    "_Score",
    [*((name, ScoreRecord.__annotations__[name]) for name in (*_AS_THEY_ARE, "as_of_s")), ("dimensions", _Dimensions)],
    gc=False,
)
"""What a row holds of a message, which is a fifth of it: making objects of the rest took longer than all of this."""
_DECODER: Final = msgspec.json.Decoder(_Score)


def score_rows(run: Sequence[Record], partition: int) -> pa.Table:
    """Rows for the lake's ``scores`` table; a tombstone gives none."""
    records = [record for record in run if record.value]
    values = [record.value or b"" for record in records]
    scores: list[Any] = list(map(_DECODER.decode, values))
    columns: dict[str, list[Any]] = {name: list(map(attrgetter(name), scores)) for name in _AS_THEY_ARE}
    columns |= {
        "date": [math.floor(score.as_of_s / 86_400) for score in scores],
        "as_of": [round(score.as_of_s * 1e6) for score in scores],
        "record": list(map(bytes.decode, values)),
        "partition": [partition] * len(scores),
        "offset": [record.offset for record in records],
    }
    for name in DIMENSIONS:
        found = list(map(attrgetter(f"dimensions.{name}"), scores))
        columns[name] = [None if dimension is None else dimension.value for dimension in found]
        columns[f"z_{name}"] = [None if dimension is None else dimension.z_score for dimension in found]
    return pa.table([pa.array(columns[field.name], field.type) for field in SCORES_SCHEMA], schema=SCORES_SCHEMA)
