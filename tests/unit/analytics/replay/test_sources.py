import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analytics.replay.errors import BadLine
from analytics.replay.sources import Format, count_bad, guess, read

FULL: dict[str, Any] = {
    "provider_id": "demo-a", "outcome": "success", "timestamp": 60.0, "latency_ms": 12.5, "schema_valid": True,
    "security": ["leak", "injection"], "attempt": 2, "details": {"note": "ä"},
}  # fmt: skip
BARE: dict[str, Any] = {"provider_id": "demo-b", "outcome": "timeout", "timestamp": 61.0}


def reports(path: Path, form: Format) -> list[dict[str, Any]]:
    return [report for chunk in read(path, form) for report in chunk]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("calls.ndjson", Format.NDJSON), ("calls.jsonl.gz", Format.NDJSON), ("calls.csv.gz", Format.CSV),
        ("calls.parquet", Format.PARQUET), ("calls.txt", None),
    ],
)  # fmt: skip
def test_the_name_tells_the_format(name: str, form: Format | None) -> None:
    assert guess(Path(name)) is form


@pytest.mark.parametrize("packed", [False, True])
def test_json_lines_come_back_as_written(tmp_path: Path, packed: bool) -> None:
    text = b"\n".join(orjson.dumps(report) for report in (FULL, BARE)) + b"\n\n"
    path = tmp_path / ("calls.ndjson.gz" if packed else "calls.ndjson")
    path.write_bytes(gzip.compress(text) if packed else text)
    assert reports(path, Format.NDJSON) == [FULL, BARE]


def test_a_time_in_words_becomes_epoch_seconds(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(orjson.dumps({**BARE, "timestamp": "1970-01-01T01:01:01+01:00"}))
    assert reports(path, Format.NDJSON)[0]["timestamp"] == 61.0


def test_unknown_fields_stay_in_details(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(orjson.dumps({**BARE, "mood": "good"}))
    assert reports(path, Format.NDJSON)[0]["details"] == {"mood": "good"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"provider_id":', r"calls\.ndjson, line 2: line must be one JSON object; got .*; correct it"),
        ("[1]", r"calls\.ndjson, line 2: line must be one JSON object; got '\[1\]'; correct it"),
        (
            '{"provider_id":"a","outcome":"success","timestamp":1,"latency_ms":-12.0}',
            r"line 2: latency_ms must be a number from 0 to 3,600,000 ms; got -12\.0; send it within bounds",
        ),
        ('{"outcome":"success","timestamp":1}', r"line 2: provider_id must be 1 to 200 .*; got nothing; add the field"),
    ],
)
def test_a_bad_line_says_where_what_was_wanted_and_got(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(f"{orjson.dumps(BARE).decode()}\n{line}\n", encoding="utf-8")
    with pytest.raises(BadLine, match=sentence):
        reports(path, Format.NDJSON)
    bad: list[BadLine] = []
    assert [r["provider_id"] for chunk in read(path, Format.NDJSON, count_bad(bad)) for r in chunk] == ["demo-b"]
    assert [fault.line for fault in bad] == [2]


def test_csv_cells_get_the_type_of_their_field(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(
        "provider_id,outcome,timestamp,latency_ms,schema_valid,security,attempt,details\n"
        'demo-a,success,60,12.5,true,leak;injection,2,"{""note"":""ä""}"\n'
        "demo-b,timeout,1970-01-01T00:01:01Z,,,,,\n",
        encoding="utf-8",
    )
    assert reports(path, Format.CSV) == [FULL, BARE]


@pytest.mark.parametrize(("column", "cell"), [("latency_ms", "fast"), ("schema_valid", "maybe"), ("attempt", "1.5")])
def test_a_csv_cell_of_another_type_names_its_field(tmp_path: Path, column: str, cell: str) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(f"provider_id,outcome,timestamp,{column}\ndemo-a,success,60,{cell}\n", encoding="utf-8")
    with pytest.raises(BadLine, match=f"calls.csv, line 2: {column} must be .*; got '{cell}'"):
        reports(path, Format.CSV)


def test_a_parquet_file_of_the_lake_can_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "calls.parquet"
    table = pa.table(
        {
            "timestamp": pa.array([datetime.fromtimestamp(s, UTC) for s in (60, 61)], pa.timestamp("us", "UTC")),
            "provider_id": ["demo-a", "demo-b"],
            "outcome": ["success", "timeout"],
            "latency_ms": [12.5, None],
            "schema_valid": [True, None],
            "security": pa.array([["leak", "injection"], None], pa.list_(pa.string())),
            "attempt": pa.array([2, None], pa.int64()),
            "details": ['{"note":"ä"}', None],
            "received_at": pa.array([0, 0], pa.timestamp("us", "UTC")),
            "partition": pa.array([0, 1], pa.int32()),
            "offset": pa.array([5, 6], pa.int64()),
            "row": pa.array([0, 0], pa.int32()),
        }
    )
    pq.write_table(table, path)
    assert reports(path, Format.PARQUET) == [FULL, BARE]


def test_long_files_come_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes((orjson.dumps(BARE) + b"\n") * 12_001)
    assert [len(chunk) for chunk in read(path, Format.NDJSON)] == [5_000, 5_000, 2_001]
