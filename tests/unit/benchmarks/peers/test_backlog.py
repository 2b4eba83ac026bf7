import io
from collections import Counter, defaultdict
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from benchmarks.peers.backlog import Backlog, event_times, partition_of
from benchmarks.support.reports import ARROW_ROWS, EVEN, Shape
from scoring.reports import validate

NOW_S = 1_770_000_000.0


def decoded(backlog: Backlog, count: int | None = None) -> list[dict[str, Any]]:
    return [msgspec.json.decode(value) for _, _, value in backlog.json_messages(count)]


def test_every_report_of_a_backlog_is_one_the_service_takes() -> None:
    for report in decoded(Backlog(EVEN, 2_000, NOW_S)):
        assert validate(report) == report


def test_every_report_has_an_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.backlog.POOL", 300)  # so that the pool is gone through several times
    assert len({report["report_id"] for report in decoded(Backlog(EVEN, 1_000, NOW_S))}) == 1_000


def test_event_times_ascend_but_for_seconds_and_one_in_a_hundred_is_late() -> None:
    times = event_times(100_000, (0, 100_000), NOW_S, np.random.default_rng(1), ordered=True)
    sent_s = NOW_S - 600 * (1 - np.arange(1, 100_001) / 100_000)
    behind_s = sent_s - times
    assert behind_s.min() > -0.001
    assert np.median(behind_s) == pytest.approx(2 * np.log(2), abs=0.1)
    assert np.mean(behind_s > 30) == pytest.approx(0.01 * 570 / 600, abs=0.001)
    assert behind_s.max() <= 600.001


def test_shuffled_event_times_lie_anywhere_in_the_ten_minutes() -> None:
    times = event_times(10_000, (0, 10_000), NOW_S, np.random.default_rng(1), ordered=False)
    assert abs(np.corrcoef(np.arange(10_000), times)[0, 1]) < 0.05
    assert (times.min(), times.max()) == (pytest.approx(NOW_S - 600, abs=1), pytest.approx(NOW_S, abs=1))


def test_a_part_of_a_backlog_is_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.backlog.POOL", 300)
    backlog = Backlog(EVEN, 1_000, NOW_S)
    whole = list(backlog.json_messages())
    assert [list(backlog.json_messages(count)) for count in (250, 300, 750)] == [whole[:250], whole[:300], whole[:750]]


@pytest.mark.parametrize("count", [250, 300, 750, 1_000])
def test_totals_are_those_of_the_messages(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.backlog.POOL", 300)
    backlog = Backlog(EVEN, 1_000, NOW_S)
    found = decoded(backlog, count)
    successes = sum(report["outcome"] == "success" for report in found)
    latency_us = sum(round(report["latency_ms"] * 1_000) for report in found)
    assert backlog.totals(count) == (type(backlog.totals(count)))(count, successes, latency_us)


def test_arrow_messages_hold_the_same_reports_as_json_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.backlog.POOL", 1_200)
    backlog = Backlog(EVEN, 2_000, NOW_S)
    tables = [pa.ipc.open_stream(io.BytesIO(value)).read_all() for _, _, value in backlog.arrow_messages()]
    assert max(len(table) for table in tables) == ARROW_ROWS
    assert pa.concat_tables(tables).to_pylist() == decoded(backlog)


def test_a_keyed_report_lies_where_its_key_belongs() -> None:
    for partition, key, value in Backlog(EVEN, 500, NOW_S).json_messages():
        assert key is not None
        assert key == msgspec.json.decode(value)["provider_id"].encode()
        assert partition == partition_of(key)


def test_keys_are_hashed_as_kafkas_own_clients_do() -> None:
    # Kafka's org.apache.kafka.common.utils.UtilsTest: murmur2("21") = -973932308, murmur2("foobar") = -790332482
    assert partition_of(b"21", 1_000) == (-973932308 & 0x7FFFFFFF) % 1_000
    assert partition_of(b"foobar", 1_000) == (-790332482 & 0x7FFFFFFF) % 1_000


def test_without_keys_nothing_says_where_a_report_goes() -> None:
    assert {message[:2] for message in Backlog(Shape("loose", keyed=False), 500, NOW_S).json_messages()} == {
        (None, None)
    }


@pytest.mark.parametrize("keyed", [True, False])
def test_a_hot_provider_has_nine_reports_in_ten_in_one_partition_or_dealt_out(keyed: bool) -> None:
    places: dict[str, Counter[int | None]] = defaultdict(Counter)
    for partition, _, value in Backlog(Shape("hot", hot=0.9, hot_keyed=keyed), 5_000, NOW_S).json_messages():
        places[msgspec.json.decode(value)["provider_id"]][partition] += 1
    hot = places.pop("provider-00000")
    assert hot.total() == pytest.approx(4_500, abs=100)
    assert list(hot) == ([partition_of(b"provider-00000")] if keyed else [None])
    assert all(None not in found for found in places.values())


@pytest.mark.parametrize(("crossed", "tasks_of_a_provider"), [(False, 1), (True, 100)])
def test_a_shape_has_the_tasks_and_regions_it_says(crossed: bool, tasks_of_a_provider: int) -> None:
    shape = Shape("many", providers=100, task_types=100, regions=20, crossed=crossed)
    tasks: dict[str, set[str]] = defaultdict(set)
    regions = set()
    for report in decoded(Backlog(shape, 60_000, NOW_S)):
        tasks[report["provider_id"]].add(report["task_type"])
        regions.add(report["region"])
    assert len(set().union(*tasks.values())) == 100
    assert len(regions) == 20
    assert max(map(len, tasks.values())) == tasks_of_a_provider
