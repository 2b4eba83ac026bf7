"""Apache Kafka killed and started again over its data, while workers read and producers send."""

from pathlib import Path

import pytest

from tests.support.fault_line import FaultLine, let_run

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    "deaths", [pytest.param(1, id="short"), pytest.param(6, id="long", marks=pytest.mark.chaos_long)]
)
def test_a_broker_killed_under_load_loses_nothing_it_acknowledged(deaths: int, tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        with line.sending(1_000):
            worker.wait_until("trustscore_lake_reports_total", 1)
            for _ in range(deaths):
                let_run(line.rng.uniform(0.0, 1.5))
                line.restart_broker(away_s=line.rng.uniform(0.0, 3.0))
                let_run(line.rng.uniform(0.0, 3.0))
        line.equal_to_recomputation()
