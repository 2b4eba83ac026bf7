from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.harness import BenchmarkFailed
from benchmarks.peers.bench import Run, Variant, check_lake, is_done, rows_of
from benchmarks.support.processes import Sample
from tests.support.lake_maker import LakeMaker

FOLD = Variant("fold", lake=False, target_ratio=1.6)
SAMPLES = (
    Sample(9.0),
    Sample(10.0, cpu_s=1.0),
    Sample(11.0, folded=600, cpu_s=2.0),
    Sample(12.0, folded=1_000, stored=600, cpu_s=3.0),
    Sample(14.0, folded=1_000, stored=1_000, emitted=7, cpu_s=5.0),
)
SEEN = Run(SAMPLES, started_s=7.0, kafka_cpu_s=0.004, rss_bytes=3_000_000, peak_bytes=4_000_000, committed_s=15.5)


def test_a_rate_runs_from_the_last_sample_without_a_report_to_the_first_with_all() -> None:
    rate, *_ = rows_of(FOLD, SEEN, 1_000, "engine/jvm")
    assert (rate.name, rate.value, rate.peer) == ("engine/fold", 500.0, "engine/jvm")
    assert rate.target_ratio == 1.6
    assert [rate.facts[name] for name in ("start_s", "scored_s", "committed_s")] == [3.0, 4.0, 5.5]


def test_with_a_lake_the_clock_stops_when_all_is_stored() -> None:
    rate, *_ = rows_of(replace(FOLD, lake=True), SEEN, 1_000, None)
    assert (rate.value, rate.facts["folded_per_s"]) == (250.0, 500)


def test_processor_time_includes_what_was_done_until_scores_were_given() -> None:
    _, cpu, memory = rows_of(FOLD, SEEN, 1_000, None)
    assert (cpu.value, cpu.facts["kafka_cpu_s_per_million"]) == (4_000.0, 4.0)
    assert (memory.value, memory.facts["peak_mb"]) == (3.0, 4)


@pytest.mark.parametrize("wrong", [{"rejected": 1}, {"emitted": 0}], ids=["rejects", "no-scores"])
def test_rejects_or_no_scores_are_no_result(wrong: dict[str, int]) -> None:
    seen = replace(SEEN, samples=(*SAMPLES[:-1], replace(SAMPLES[-1], **wrong)))  # type: ignore[arg-type]
    with pytest.raises(BenchmarkFailed, match="engine/fold must give scores and no rejects"):
        list(rows_of(FOLD, seen, 1_000, None))


def test_without_a_lake_nothing_needs_to_be_stored() -> None:
    now = Sample(1.0, folded=10, stored=9)
    assert is_done(now, FOLD, 10)
    assert not is_done(now, replace(FOLD, lake=True), 10)
    assert not is_done(now, FOLD, 11)


def test_a_lake_that_lacks_a_report_is_no_result(tmp_path: Path) -> None:
    made = [{"provider_id": "one", "outcome": "success", "timestamp": 60.0 + number} for number in range(3)]
    LakeMaker(tmp_path / "lake").add(made, 3_600.0)
    check_lake(tmp_path / "lake", 3)
    with pytest.raises(BenchmarkFailed, match="the lake must hold 4 reports"):
        check_lake(tmp_path / "lake", 4)
