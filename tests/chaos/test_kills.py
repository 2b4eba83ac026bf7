"""``kill -9`` at random moments, to one process or several; afterwards every number is as if nobody had died."""

from pathlib import Path

import pytest

from tests.support.fault_line import FaultLine, let_run

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(900)]

DOING = ("trustscore_lake_reports_total", None, "trustscore_reports_folded_total", None, None)
"""What a worker has begun when its last moments come; ``None``: whatever they find, from its first import on."""


def deaths(short: int, long: int) -> pytest.MarkDecorator:
    """How many there are."""
    sizes = [pytest.param(short, id="short"), pytest.param(long, id="long", marks=pytest.mark.chaos_long)]
    return pytest.mark.parametrize("deaths", sizes)


@deaths(3, 20)
def test_a_worker_killed_at_any_moment_changes_no_number(deaths: int, tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        with line.sending(1_000):
            for death in range(deaths):
                worker, doing = line.start_worker(), DOING[death % len(DOING)]
                if doing is not None:
                    line.wait_until_ready(worker)
                    worker.wait_until(doing, 1)
                let_run(line.rng.uniform(0.0, 1.0 if doing else 6.0))
                line.kill(worker)
            line.ready_worker()
        line.equal_to_recomputation()


@pytest.mark.parametrize(
    "dying",
    [pytest.param((2,), id="short"), pytest.param((1, 2) * 5, id="long", marks=pytest.mark.chaos_long)],
)
def test_of_three_workers_one_or_two_may_die_at_once(dying: tuple[int, ...], tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        workers = [line.start_worker() for _ in range(3)]
        line.wait_until_ready(*workers)
        with line.sending(1_000):
            for number, together in enumerate(dying, 1):
                let_run(line.rng.uniform(0.2, 2.0))
                line.kill(*line.rng.sample(line.workers, together))
                let_run(line.rng.uniform(0.0, 4.0))
                if number < len(dying):
                    for _ in range(together):
                        line.start_worker()
            line.wait_until_ready(*line.workers)
        line.equal_to_recomputation()
