"""Workers that join and leave while reports come: partitions change hands, numbers do not change."""

from pathlib import Path

import pytest

from tests.support.fault_line import FaultLine, let_run

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(900)]

MOST = 4
"""Workers at once: as many as there are partitions."""


@pytest.mark.parametrize(
    "changes", [pytest.param(4, id="short"), pytest.param(40, id="long", marks=pytest.mark.chaos_long)]
)
def test_workers_that_join_and_leave_under_load_change_no_number(changes: int, tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        line.ready_worker()
        with line.sending(1_000):
            for number in range(changes):
                if (number % 2 == 0 and len(line.workers) < MOST) or len(line.workers) < 2:
                    line.start_worker()
                    let_run(line.rng.uniform(1.0, 4.0))
                    continue
                leaving = line.rng.choice(line.workers)
                if number % 4 == 1:
                    line.wait_until_ready(leaving)  # one that is only starting may take SIGTERM for the end of Python
                    line.workers.remove(leaving)
                    assert leaving.stop() == 0, leaving.said()[-5:]
                else:
                    line.kill(leaving)
                let_run(line.rng.uniform(0.0, 2.0))
            line.wait_until_ready(*line.workers)
        line.equal_to_recomputation()
