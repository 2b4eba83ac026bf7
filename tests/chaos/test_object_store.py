"""The lake in an object store: many writers at once, the same answers as from a directory, a store that hangs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import obstore
import pytest
from deltalake import DeltaTable
from obstore.store import from_url

from analytics import lake as lake_package
from analytics import queries
from analytics.compaction import compact
from analytics.lake import Lake
from analytics.local.children import dying_with_parent
from analytics.snapshot import snapshot
from analytics.verify import verify
from tests.chaos.test_disk import health, is_well
from tests.support.fault_line import FaultLine
from tests.support.lake_maker import LakeMaker
from tests.support.running_service import CLI, eventually
from tests.support.s3_server import S3Server
from tests.support.sample_reports import NOW_S, sample_reports

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def store() -> Iterator[S3Server]:
    with S3Server.running() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.env.items():
            patch.setenv(name, value)
        yield server


class StoreLine(FaultLine):
    """A line whose workers write to an object store; compared by a copy of what is there."""

    address = ""

    @property
    def lake(self) -> Path:
        copy = self.root / "copy"
        store: Any = from_url(self.address)
        found = [entry for run in obstore.list(store) for entry in run]
        for entry in sorted(found, key=lambda entry: not entry["path"].endswith(".json")):  # the log first
            place = copy / entry["path"]
            if not place.exists() or place.name == "_last_checkpoint":
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(obstore.get(store, entry["path"]).bytes().to_bytes())
        return copy


@pytest.mark.usefixtures("kafka_runnable")
def test_two_workers_and_maintenance_share_a_lake_and_every_report_is_in_it_once(
    store: S3Server, tmp_path: Path, seed: int
) -> None:
    address = f"{store.lake}/shared"
    with StoreLine(tmp_path, seed, lake=address, lake_flush_s=2.0) as line:
        line.address = address
        workers = [line.start_worker(), line.start_worker()]
        line.wait_until_ready(*workers)
        log = tmp_path / "maintain.log"
        with log.open("wb") as out, line.sending(600):
            for worker in workers:
                worker.wait_until("trustscore_lake_reports_total", 1)
            command = [*CLI, "lake", "maintain", "--lake", address, "--every", "1"]
            caring = subprocess.Popen(dying_with_parent(command, by=signal.SIGKILL), stdout=out, stderr=out)
            try:
                eventually(lambda: True if b"lake_maintained" in log.read_bytes() else None, "a round", 300)
                for worker in workers:  # they go on while it merges
                    stored = worker.metric("trustscore_lake_reports_total")
                    worker.wait_until("trustscore_lake_reports_total", stored + 500)
                caring.terminate()
                assert caring.wait(180) == 0, log.read_text()
            finally:
                caring.kill()
                caring.wait()
        truth = line.equal_to_recomputation()
        with Lake(address) as lake:  # and read where it is
            assert queries.totals(lake).reports == len(truth.places)
            assert verify(lake).equal


@pytest.mark.usefixtures("kafka_runnable")
def test_a_store_that_hangs_is_said_and_everything_is_there_once_it_answers(
    store: S3Server, tmp_path: Path, seed: int
) -> None:
    address = f"{store.lake}/hanging"
    with StoreLine(tmp_path, seed, lake=address) as line:
        line.address = address
        worker = line.ready_worker()
        with line.sending(500):
            worker.wait_until("trustscore_lake_reports_total", 1)
            with store.hanging():
                eventually(lambda: True if "lake_slow" in health(worker).get("trouble", {}) else None, "it is said", 60)
                assert worker.metric("trustscore_lake_commit_seconds") >= 10
                for name in ("trustscore_reports_folded_total", "trustscore_scores_emitted_total"):
                    worker.wait_until(name, worker.metric(name) + 1, 60)
            eventually(lambda: is_well(worker), "the worker is well again", 90)
        line.equal_to_recomputation()


def test_a_lake_in_a_store_gives_the_answers_of_one_in_a_directory(store: S3Server, tmp_path: Path) -> None:
    address, reports = f"{store.lake}/answers", sample_reports(400, seed=5, spread_s=2 * 86_400.0, providers=3)
    for add in (LakeMaker(tmp_path / "lake").add, LakeMaker(tmp_path, address=address).add):
        for start in range(0, len(reports), 100):
            add([*reports[start : start + 100], b"no report"], NOW_S + start)
    with Lake(tmp_path / "lake") as local, Lake(address) as remote:
        for view in ("reports", "panes", "scores", "latest_scores", "rejects"):
            wanted = local.rows(f"select * from {view} order by all")
            assert remote.rows(f"select * from {view} order by all") == wanted
            assert wanted
        assert verify(remote, since_s=0.0).equal
        provider = str(reports[0]["provider_id"])
        assert queries.history(remote, provider, bucket="hour") == queries.history(local, provider, bucket="hour")
        assert [state.rows for state in remote.states()] == [state.rows for state in local.states()]
        files = sum(state.files for state in remote.states())
        compact(address, date(2028, 1, 1), vacuum_hours=0)
        counted = "select count(*), max(latency_ms) from reports"
        assert remote.rows(counted) == local.rows(counted), "asked again where files went"
        remote.refresh()
        assert sum(state.files for state in remote.states()) < files
        rows = snapshot(remote, tmp_path / "all.duckdb")
        assert rows["reports"] == len(reports)


def test_a_question_about_one_day_reads_the_files_of_that_day_only(store: S3Server, tmp_path: Path) -> None:
    address, reports = f"{store.lake}/pruned", sample_reports(300, seed=7, spread_s=4 * 86_400.0, providers=3)
    LakeMaker(tmp_path, address=address).add(reports, NOW_S)
    files = DeltaTable(f"{address}/reports").file_uris()
    day = sorted(files)[2].partition("date=")[2][:10]  # the first file is read for its columns when the lake opens
    with Lake(address) as lake:
        asked = len(store.requests())
        lake.rows("select max(latency_ms) from reports where date = $day", {"day": day})
        read = [request for request in store.requests()[asked:] if request.endswith(".parquet")]
    assert len(files) > 3
    assert read
    assert all(f"date={day}" in request for request in read), read


def test_a_store_that_is_not_there_is_said_with_the_next_step(
    store: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(lake_package.UnreadableTable, match="AWS_ENDPOINT_URL"):
        Lake(store.lake)


def test_the_command_line_takes_an_address(store: S3Server, tmp_path: Path) -> None:
    address = f"{store.lake}/cli"
    LakeMaker(tmp_path, address=address).add(sample_reports(50, seed=3, spread_s=3_600.0, providers=2), NOW_S)
    said = subprocess.run(
        [sys.executable, "-m", "analytics.cli.main", "lake", "info", "--json"],
        env={**os.environ, "TRUSTSCORE_LAKE": address}, capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    assert f'"lake": "{address}"' in said.stdout
    assert '"reports": 50' in said.stdout
