"""Clocks that are wrong, reports that are late, and batches that come again."""

from pathlib import Path
from typing import Any, Final

import pytest

from streams.topics import REPORTS
from tests.support import recomputation
from tests.support.fault_line import FaultLine, let_run
from tests.support.traffic import Message, as_arrow, as_json, traffic
from tests.support.worker import produce

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(600)]

HOUR_S: Final = 3_600.0
LATEST_S: Final = 47 * HOUR_S
"""On top of the hour that all reports of these tests are spread over."""
ARROW_REPORTS: Final = 1_000
"""Of one message: a producer of Kafka takes 1 MiB by default."""


def sizes(short: int, long: int) -> pytest.MarkDecorator:
    """How many reports there are."""
    values = [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.chaos_long)]
    return pytest.mark.parametrize("reports", values)


def late_reports(line: FaultLine, n: int) -> list[dict[str, Any]]:
    """Reports of calls up to 48 hours ago, as they are sent now."""
    made = traffic(line.seed, n)
    return [
        report | {"report_id": f"late-{at}", "timestamp": report["timestamp"] - line.rng.uniform(0, LATEST_S)}
        for at, report in enumerate(made)
    ]


def send(line: FaultLine, messages: list[Message], reports: list[dict[str, Any]]) -> None:
    """Send messages that are all acknowledged."""
    produce(line.broker, messages, REPORTS)
    line.receipts.acknowledged.update(report["report_id"] for report in reports)


@sizes(1_000, 100_000)
@pytest.mark.parametrize("shift_s", [HOUR_S, -HOUR_S], ids=["ahead", "behind"])
def test_a_worker_whose_clock_is_an_hour_off_counts_every_report(
    shift_s: float, reports: int, tmp_path: Path, seed: int
) -> None:
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker(clock_shift_s=shift_s)
        late = late_reports(line, reports)
        with line.sending(500):
            send(line, as_json(late), late)
            worker.wait_until("trustscore_lake_reports_total", reports)
        truth = line.equal_to_recomputation(ahead_s=shift_s)
        assert not truth.bad
        assert len(truth.places) == len(line.receipts.acknowledged)


@sizes(1_000, 100_000)
def test_reports_up_to_two_days_late_count_in_their_own_time(reports: int, tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        late = late_reports(line, reports)
        send(line, as_json(late), late)
        worker.wait_until("trustscore_lake_reports_total", reports)
        truth = line.equal_to_recomputation()
        assert len(truth.places) == reports
        assert not truth.bad


@sizes(600, 60_000)
def test_batches_that_come_again_within_the_window_count_once(reports: int, tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        made = traffic(seed, reports)
        half = reports // 2
        batch: list[Message] = as_json(made[:half])
        for first in range(half, reports, ARROW_REPORTS):
            _, arrow, headers = as_arrow(made[first : first + ARROW_REPORTS])
            batch.append((b"one partition", arrow, headers))
        for again in range(3):
            send(line, batch, made)
            if again:
                worker.wait_until("trustscore_repeats_total", reports)
            if again == 1:  # the ids that were seen outlive their worker
                worker.wait_until("trustscore_lake_reports_total", reports)
                line.kill(worker)
                worker = line.ready_worker()
        truth = line.equal_to_recomputation()
        assert len(truth.places) == reports


class _TwiceIsRight(FaultLine):
    """A line in which reports may be in the log twice."""

    def _check_receipts(self, truth: recomputation.Truth) -> None:
        assert set(truth.places.values()) == self.receipts.acknowledged


def test_a_batch_that_comes_again_after_the_window_counts_twice(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As decision 7 says: ids are not remembered for ever."""
    monkeypatch.setattr(recomputation, "WINDOW_S", 1.0)
    with _TwiceIsRight(tmp_path, seed, dedup_window_s=1.0) as line:
        worker = line.ready_worker()
        made = traffic(seed, 500)
        send(line, as_json(made), made)
        worker.wait_until("trustscore_lake_reports_total", 500)
        let_run(2.5)  # the broker's clock counts
        send(line, as_json(made), made)
        truth = line.equal_to_recomputation()
        assert len(truth.places) == 1_000
