"""Somebody who asks a server about one provider, again and again, and remembers whether the answers were stale."""

import json
import threading
import time
import urllib.error
import urllib.request
from typing import Final, NamedTuple, Self

from benchmarks.harness import BenchmarkFailed

__all__ = ["Asking", "Said"]

POLL_S: Final = 0.1


class Said(NamedTuple):
    """One answer; moments are monotonic seconds."""

    asked_s: float
    answered_s: float
    is_stale: bool


class Asking:
    """Asks from a thread for as long as it is open."""

    def __init__(self, url: str, provider_id: str) -> None:
        self._url = f"{url}/v1/providers/{provider_id}"
        self.said: list[Said] = []
        """In the order of the answers."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, name="asking", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_until(self, *, is_stale: bool, within_s: float) -> None:
        """Return once a question that is asked from now on is answered so.

        Raises
        ------
        BenchmarkFailed
            When none is within ``within_s``.
        """
        began_s = time.monotonic()
        while not any(one.is_stale is is_stale and one.asked_s >= began_s for one in self.said[-2:]):
            if time.monotonic() - began_s > within_s:
                raise BenchmarkFailed(
                    f"answers must be {'stale' if is_stale else 'fresh'} within {within_s:g} s; they were not"
                )
            time.sleep(POLL_S)

    def _ask(self) -> None:
        while not self._stop.wait(POLL_S):
            asked_s = time.monotonic()
            try:
                with urllib.request.urlopen(self._url, timeout=30) as answer:
                    found = json.load(answer)
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                continue
            self.said.append(Said(asked_s, time.monotonic(), bool(found["stale"])))
