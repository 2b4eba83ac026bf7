"""``kill -9`` of the server while agents post reports to it, and what it answers afterwards."""

import itertools
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx
import pytest

from analytics.local.children import dying_with_parent, free_port
from tests.support.fault_line import FaultLine, let_run
from tests.support.running_service import CLI, eventually
from tests.support.traffic import traffic

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(900)]

AGENTS: Final = 4


class Server:
    """``trustscore serve`` at one address, killed and started again there."""

    def __init__(self, line: FaultLine) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._log = line.root / "server.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TRUSTSCORE_")},
            "TRUSTSCORE_BROKER": line.broker,
            "TRUSTSCORE_LAKE": str(line.lake),
            "TRUSTSCORE_DATA_DIR": str(line.root / "data"),
            "TRUSTSCORE_HTTP_PORT": str(port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and return once it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                dying_with_parent([*CLI, "serve"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment,
            )  # fmt: skip
        eventually(self._is_up, "the server answers", 60)

    def _is_up(self) -> bool | None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-2_000:]
        try:
            return True if httpx.get(f"{self.url}/health/live", timeout=5).status_code == 200 else None
        except httpx.TransportError:
            return None

    def kill(self) -> None:
        """``kill -9``."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def sizes(self, providers: set[str]) -> dict[str, int]:
        """Reports that the live score of each provider counts."""
        with httpx.Client(base_url=self.url, timeout=20) as client:
            answers = {provider: client.get(f"/v1/providers/{provider}") for provider in providers}
        return {p: int(a.json()["sample_size"]) if a.status_code == 200 else 0 for p, a in answers.items()}


class Agent:
    """Posts reports one after the other, each again, as it was, until the server says that it has it."""

    def __init__(self, url: str, seed: int, number: int) -> None:
        self._url, self._seed, self._number = url, seed, number
        self.acknowledged: Counter[str] = Counter()
        """By provider."""
        self.ids: set[str] = set()
        self.repeated = 0

    def run(self, stop: threading.Event) -> None:
        """Post until told to stop; the last report, too, is acknowledged."""
        with httpx.Client(base_url=self._url, timeout=10) as client:
            for number in itertools.count():
                if stop.is_set():
                    return
                report = traffic(self._seed * 1_000 + number, 1)[0]
                report["report_id"] = f"agent-{self._number}-{number}"
                self._post(client, report)
                self.acknowledged[report["provider_id"]] += 1
                self.ids.add(report["report_id"])

    def _post(self, client: httpx.Client, report: dict[str, Any]) -> None:
        def once() -> bool | None:
            try:
                answer = client.post("/v1/reports", json=report)
            except httpx.TransportError:
                self.repeated += 1
                return None
            assert answer.status_code in (202, 503), answer.text
            return True if answer.status_code != 503 else None

        eventually(once, f"{report['report_id']} is acknowledged", 60)


@contextmanager
def posting(url: str, seed: int) -> Iterator[list[Agent]]:
    """Agents at work while the body runs."""
    agents, stop = [Agent(url, seed * AGENTS + number, number) for number in range(AGENTS)], threading.Event()
    with ThreadPoolExecutor(AGENTS) as pool:
        running = [pool.submit(agent.run, stop) for agent in agents]
        try:
            yield agents
        finally:
            stop.set()
        for one in running:
            one.result()


@pytest.mark.parametrize(
    "deaths", [pytest.param(2, id="short"), pytest.param(15, id="long", marks=pytest.mark.chaos_long)]
)
def test_reports_posted_to_a_server_that_is_killed_count_once_and_its_board_comes_back(
    deaths: int, tmp_path: Path, seed: int
) -> None:
    with FaultLine(tmp_path, seed) as line, Server(line) as server:
        line.ready_worker()
        with posting(server.url, seed) as agents:
            for _ in range(deaths):
                let_run(line.rng.uniform(0.5, 2.0))
                server.kill()
                server.start()
            let_run(0.5)
        acknowledged: Counter[str] = sum((agent.acknowledged for agent in agents), Counter())
        assert sum(agent.repeated for agent in agents) >= deaths, "nobody was interrupted"
        line.receipts.acknowledged.update(*(agent.ids for agent in agents))
        truth = line.equal_to_recomputation()
        assert len(truth.places) == acknowledged.total()
        server.kill()
        server.start()  # no worker runs any more: what it knows is in the compacted topic
        wanted = dict(acknowledged)
        eventually(lambda: True if server.sizes(set(wanted)) == wanted else None, "the board is as before", 60)
