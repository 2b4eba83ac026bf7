"""A bad network between the worker and Kafka: what it does to it, and that no number changes."""

from pathlib import Path

import pytest

from tests.support.fault_line import FaultLine, let_run
from tests.support.fault_proxy import Faults

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(900)]

LATENCY = Faults(latency_s=(0.05, 0.2))
RESETS = Faults(reset_every_s=2.0)
HALF_OPEN = Faults(is_half_open=True)
SLOW = Faults(answer_bytes_per_s=4_096)
CUT = Faults(is_cut=True)


def long(faults: Faults, seconds: float, name: str) -> object:
    return pytest.param(((faults, seconds),), id=name, marks=pytest.mark.chaos_long)


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(((LATENCY, 3.0), (RESETS, 5.0), (SLOW, 3.0)), id="short"),
        pytest.param(((CUT, 6.0),), id="short-cut"),
        pytest.param(((HALF_OPEN, 3.0),), id="short-half-open"),
        long(LATENCY, 60, "latency"),
        long(RESETS, 60, "resets"),
        long(HALF_OPEN, 20, "half-open"),
        long(SLOW, 30, "slow"),
        long(CUT, 60, "cut"),
    ],
)
def test_a_bad_network_changes_no_number(faults: tuple[tuple[Faults, float], ...], tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed, is_proxied=True, request_timeout_s=10) as line:
        worker = line.ready_worker()
        with line.sending(1_000):
            worker.wait_until("trustscore_lake_reports_total", 1)
            for fault, seconds in faults:
                with line.proxy.having(fault):
                    let_run(seconds)
        assert line.proxy.connections
        line.equal_to_recomputation(within_s=180)
