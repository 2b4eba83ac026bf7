"""The lake's disk at its worst under a running worker: full, read-only, not mounted, and with rubbish in it."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from analytics.lake import Lake
from streams.topics import REPORTS
from tests.support.fault_line import FaultLine
from tests.support.kafka_clients import admin
from tests.support.running_service import eventually
from tests.support.small_disk import Disk, can_mount, disk_at, limited_disk_at
from tests.support.worker import Worker

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(300)]

GROUP = "trustscore"


def health(worker: Worker) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(worker.get("/health/ready")[1] or "{}")
    return said


def says(worker: Worker, words: str) -> bool | None:
    """Whether the health names a trouble with these words."""
    found = health(worker)
    return True if found.get("status") == "degraded" and words in " ".join(found["trouble"].values()) else None


def is_well(worker: Worker) -> bool | None:
    return True if health(worker).get("status") == "ok" and worker.metric("trustscore_lake_down_seconds") == 0 else None


def grows(worker: Worker, *names: str) -> None:
    """Return once each of these counters has gone up."""
    for name in names:
        worker.wait_until(name, worker.metric(name) + 1, 60)


def acknowledged(broker: str) -> dict[int, int]:
    """Offsets of ``trust.reports`` that the group has committed, by partition."""

    async def ask() -> dict[int, int]:
        async with admin(broker) as client:
            found = await client.list_consumer_group_offsets(GROUP)
        return {tp.partition: at.offset for tp, at in found.items() if tp.topic == REPORTS and at.offset >= 0}

    return asyncio.run(ask())


def held(lake: Path) -> dict[int, int]:
    """Offset behind the last one that the lake's reports hold, by partition."""
    table = DeltaTable(str(lake / "reports"))
    known = {number: table.transaction_version(f"{REPORTS}-{number}") for number in range(4)}
    return {number: last + 1 for number, last in known.items() if last is not None}


def under_a_fault(line: FaultLine, worker: Worker, disk: Disk, words: str) -> None:
    """While the lake takes nothing: it is said and counted, folding and scores go on, no offset is acknowledged."""
    eventually(lambda: says(worker, words), f"the health says {words}", 60)
    stored = worker.metric("trustscore_lake_reports_total")
    grows(worker, "trustscore_reports_folded_total", "trustscore_scores_emitted_total")
    grows(worker, "trustscore_lake_failures_total")
    assert worker.metric("trustscore_lake_reports_total") == stored
    assert worker.metric("trustscore_lake_down_seconds") > 0
    in_lake = held(disk.contents)
    ahead = {number: at for number, at in acknowledged(line.broker).items() if at > in_lake[number]}
    assert not ahead, f"acknowledged beyond what the lake holds, {in_lake}"


@pytest.mark.parametrize(
    "is_limited", [pytest.param(False, id="short"), pytest.param(True, id="limits", marks=pytest.mark.chaos_long)]
)
def test_a_lake_that_takes_nothing_holds_the_offsets_and_is_completed_when_it_is_back(
    is_limited: bool, tmp_path: Path, seed: int
) -> None:
    def pids() -> list[int]:
        return [worker.process.pid for worker in line.workers]

    disk_for = limited_disk_at if is_limited else disk_at
    with disk_for(tmp_path / "lake", pids) as disk, FaultLine(tmp_path, seed, lake_flush_s=0.5) as line:
        faults = ((disk.full, "(full)"), (disk.read_only, "takes no commit"), (disk.gone, "(missing)"))
        worker = line.ready_worker()
        with line.sending(500):
            worker.wait_until("trustscore_lake_reports_total", 1)
            for fault, words in faults:
                with fault():
                    under_a_fault(line, worker, disk, words)
                eventually(lambda: is_well(worker), f"the worker is well again after {words}", 60)
        line.equal_to_recomputation()


def test_a_half_written_log_entry_is_set_aside_and_every_report_is_there_once(tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        with line.sending(500):
            worker.wait_until("trustscore_lake_reports_total", 2_000)
            os.kill(worker.process.pid, signal.SIGSTOP)
            try:
                broken = _half_written_entry(line.lake / "reports")
            finally:
                os.kill(worker.process.pid, signal.SIGCONT)
            eventually(lambda: says(worker, broken.name), "the health names the entry", 60)
            with Lake(line.lake) as lake:  # a reader goes on without it
                assert lake.rows("select count(*) from reports")[0][0] >= 2_000
            grows(worker, "trustscore_reports_folded_total", "trustscore_scores_emitted_total")
            eventually(lambda: is_well(worker), "the entry is set aside", 60)
            assert [said["kept"] for said in worker.said() if said["event"] == "lake_log_entry_set_aside"] == [
                f"{broken.name}.broken-1"
            ]
        line.equal_to_recomputation()


def _half_written_entry(table: Path) -> Path:
    """What a writer leaves that dies while it writes entry N+1; and files that are none of the table's."""
    log = table / "_delta_log"
    last = max(log.glob("*.json"))
    text = last.read_bytes()
    broken = log / f"{int(last.stem) + 1:020d}.json"
    broken.write_bytes(text[: len(text) * 2 // 3])
    (log / f"{int(last.stem) + 2:020d}.json.tmp").write_bytes(text[:10])
    day = next(table.glob("date=*"))
    (day / "part-foreign.parquet").write_bytes(b"PAR1, and then nothing")
    (table / "notes.txt").write_text("not mine")
    return broken


def test_the_full_disk_of_these_tests_is_a_real_one_where_that_is_permitted(tmp_path: Path) -> None:
    with disk_at(tmp_path / "lake", lambda: [os.getpid()]) as disk:
        (tmp_path / "lake").mkdir(exist_ok=True)
        with disk.full(), pytest.raises(OSError, match=r"No space left|File too large") as refused:
            (tmp_path / "lake" / "file").write_bytes(b"x" * 100_000)
        assert can_mount(tmp_path) == ("No space" in str(refused.value))
        assert (tmp_path / "lake" / "file").write_bytes(b"x" * 100_000) == 100_000
