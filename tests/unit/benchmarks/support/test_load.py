from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.support.load import partition_of, templates
from streams.json_wire import JsonReader
from streams.wire import decode

NOW_S = 1_800_000_000.0


@dataclass(slots=True)
class Record:
    value: bytes | None
    offset: int = 0
    timestamp: int = int(NOW_S * 1_000)
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


def test_a_report_that_is_offered_is_one_the_service_takes() -> None:
    (one,) = templates(1, 1)
    batch = decode([Record(one.value(NOW_S, "run-1f"))], 0, JsonReader())
    (row,) = batch.table.to_pylist()
    assert not batch.rejects
    assert (row["provider_id"], row["report_id"]) == ("provider-00000", "run-1f")
    assert row["timestamp"].timestamp() == NOW_S


def test_a_provider_has_one_partition() -> None:
    made = templates(500, 20)
    assert {(one.key, one.partition) for one in made} == {(one.key, partition_of(one.key.decode())) for one in made}
    assert {one.partition for one in made} == {0, 1, 2, 3}
