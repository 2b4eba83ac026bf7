"""A whole TrustScore on loopback, as a user runs it: embedded broker, ``trustscore worker``, ``trustscore serve``."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec

from analytics.local.children import free_port
from analytics.local.embedded_broker import EmbeddedBroker
from analytics.local.supervisor import Supervisor
from tests.support.kafka_clients import producer

__all__ = ["CLI", "RunningService", "eventually", "running_service"]

CLI: Final = [sys.executable, "-m", "analytics.cli.main"]
_POLL_S: Final = 0.1
_PATIENCE_S: Final = 90.0
_T = TypeVar("_T")


def eventually(found: Callable[[], _T | None], what: str, within_s: float = _PATIENCE_S) -> _T:
    """What ``found`` returns once that is not None; other processes answer when they are ready, not when asked.

    It rests as long as a look takes: one that reads a lake would keep the processor from those it waits for.
    """
    deadline_s = time.monotonic() + within_s
    looked_s = time.monotonic()
    while (value := found()) is None:
        now_s = time.monotonic()
        if now_s > deadline_s:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        time.sleep(max(_POLL_S, now_s - looked_s))
        looked_s = time.monotonic()
    return value


@dataclass(frozen=True, slots=True)
class RunningService:
    """Where it runs."""

    url: str
    env: Mapping[str, str]
    """Settings of every process of it."""

    def cli(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """``trustscore`` with these arguments, to its end."""
        return subprocess.run(
            [*CLI, *arguments], env={**self.env, **env}, capture_output=True, text=True, timeout=100, check=False
        )

    def sample_size(self, provider_id: str) -> int:
        """Reports that the live score of a provider counts."""
        answer = httpx.get(f"{self.url}/v1/providers/{provider_id}", timeout=20)
        return int(answer.json()["sample_size"]) if answer.status_code == 200 else 0

    def in_lake(self, provider_id: str) -> int:
        """Reports of a provider that the lake holds."""
        answer = httpx.get(f"{self.url}/v1/providers/{provider_id}/history", params={"bucket": "day"}, timeout=20)
        return int(answer.json()["n"]) if answer.status_code == 200 else 0


@contextmanager
def running_service(
    root: Path, environment: Mapping[str, str], reports: Sequence[Mapping[str, Any]]
) -> Iterator[RunningService]:
    """A service whose scores and lake hold ``reports``; every process has ended afterwards.

    Parameters
    ----------
    root
        Directory of its lake, its data and its logs.
    environment
        What its processes are started with, besides settings of their own.
    reports
        Sent to Kafka before the worker starts.
    """
    port = free_port()
    children = Supervisor(root / "logs")
    with EmbeddedBroker(log=root / "broker.log") as broker:
        inherited = {name: value for name, value in environment.items() if not name.startswith("TRUSTSCORE_")}
        env = {
            **inherited,
            "TRUSTSCORE_BROKER": broker.address,
            "TRUSTSCORE_LAKE": str(root / "data" / "lake"),
            "TRUSTSCORE_DATA_DIR": str(root / "data"),
            "TRUSTSCORE_HTTP_PORT": str(port),
            "TRUSTSCORE_LAKE_FLUSH_S": "0.3",
            "TRUSTSCORE_SCORE_S": "0.3",
            "TRUSTSCORE_SESSION_TIMEOUT_S": "2",
        }
        service = RunningService(f"http://127.0.0.1:{port}", env)
        try:
            children.start("server", [*CLI, "serve"], env)
            children.start("worker", [*CLI, "worker"], env)
            asyncio.run(_send(broker.address, reports))
            _wait_for(service, children, reports)
            yield service
        finally:
            children.stop_all()
    assert children.exit_codes == {"worker": 0, "server": 0}, root


async def _send(address: str, reports: Sequence[Mapping[str, Any]]) -> None:
    from streams.settings import WorkerSettings
    from streams.topics import ensure_topics

    await ensure_topics(WorkerSettings(broker=address))
    async with producer(address) as client:
        for report in reports:
            await client.send("trust.reports", msgspec.json.encode(report))


def _wait_for(service: RunningService, children: Supervisor, reports: Sequence[Mapping[str, Any]]) -> None:
    counts: dict[str, int] = {}
    for report in reports:
        counts[report["provider_id"]] = counts.get(report["provider_id"], 0) + 1

    def counted() -> bool | None:
        children.check()
        try:
            for provider_id, n in counts.items():
                if service.sample_size(provider_id) < n or service.in_lake(provider_id) < n:
                    return None
        except httpx.TransportError:
            return None
        return True

    eventually(counted, f"the reports of {', '.join(counts)} in scores and lake")
