import os
import subprocess
import sys

from prometheus_client.exposition import generate_latest

from benchmarks.support.processes import Sample, cpu_s, peak_bytes, sample_of, since_start
from streams.telemetry import Telemetry


def test_a_sample_is_read_from_what_a_worker_really_says() -> None:
    said = Telemetry()
    said.folded.inc(70)
    said.stored.inc(60)
    said.rejected.inc(5)
    said.emitted.inc(4)
    said.pending.set(10)
    said.lag.labels("trust.reports", "3").set(2)
    text = generate_latest(said.registry).decode()
    assert sample_of(text, 1.5) == Sample(1.5, 70, 60, 5, 4, 10, {("trust.reports", "3"): 2})


def test_a_worker_without_partitions_is_not_ready() -> None:
    assert not sample_of(generate_latest(Telemetry().registry).decode(), 0.0).ready


def test_two_workers_together_count_what_both_did() -> None:
    one = Sample(1.0, 1, 2, 3, 4, 5, {("a", "0"): 6}, 7.0)
    other = Sample(2.0, 10, 20, 30, 40, 50, {("a", "1"): 60}, 70.0)
    assert one.together(other) == Sample(2.0, 11, 22, 33, 44, 55, {("a", "0"): 6, ("a", "1"): 60}, 77.0)


def test_a_rate_begins_where_no_report_was_read_yet() -> None:
    waiting, idle, reading, folding = Sample(1.0), Sample(2.0), Sample(3.0, pending=5), Sample(4.0, folded=5)
    assert since_start([waiting, idle, reading, folding]) == [idle, reading, folding]
    assert since_start([waiting, idle]) == [idle]
    assert since_start([reading, folding]) == [reading, folding]


def test_processor_time_and_memory_are_those_of_the_process() -> None:
    used_s = cpu_s(os.getpid())
    assert used_s is None or used_s > 0
    assert (peak_bytes(os.getpid()) or 0) > 1_000_000


def test_a_process_that_is_gone_has_used_nothing_that_can_be_read() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert cpu_s(gone.pid) is None
