"""What cannot be used: its message on ``trust.rejects``, its row in the lake, and the breaker that stops a flood."""

import base64
from collections import deque
from collections.abc import Sequence

import msgspec
import pyarrow as pa

from streams.schemas import REJECTS_SCHEMA
from streams.wire import Reject

__all__ = ["Breaker", "RejectFlood", "reject_headers", "reject_table"]


class RejectFlood(RuntimeError):
    """So many messages cannot be used that draining the topic into the rejects would lose the producers' work."""

    def __init__(self, bad: int, seen: int, example: str) -> None:
        self.bad, self.seen, self.example = bad, seen, example
        super().__init__(
            f"{bad} of the last {seen} messages of trust.reports cannot be used, the last because {example!r}; "
            "the worker stops before it drains the topic: mend the producer, or set TRUSTSCORE_REJECT_RATIO=1 to go on"
        )


class Breaker:
    """Opens when more than ``ratio`` of the last ``window`` messages were rejected. Knows no clock."""

    def __init__(self, ratio: float, window: int) -> None:
        self.ratio, self.window = ratio, window
        self._runs: deque[tuple[int, int]] = deque()
        self._seen = self._bad = 0

    def saw(self, messages: int, bad: int) -> bool:
        """Count a run; whether the breaker is open now."""
        self._runs.append((messages, bad))
        self._seen, self._bad = self._seen + messages, self._bad + bad
        while self._seen - self._runs[0][0] >= self.window:
            gone, gone_bad = self._runs.popleft()
            self._seen, self._bad = self._seen - gone, self._bad - gone_bad
        return self.ratio < 1 and self._seen >= self.window and self._bad > self.ratio * self._seen

    @property
    def counts(self) -> tuple[int, int]:
        """Bad and all messages now in view."""
        return self._bad, self._seen


def reject_headers(reject: Reject, topic: str, partition: int) -> list[tuple[str, bytes]]:
    """Headers of a reject's ``trust.rejects`` message: reason, where it was, and its own headers as ``h.<name>``."""
    own = [(f"h.{name}", value) for name, value in reject.record.headers]
    where = {"reason": reject.reason, "field": reject.field, "topic": topic, "partition": str(partition)}
    where |= {"offset": str(reject.record.offset), "row": str(reject.row)}
    return [(name, text.encode()) for name, text in where.items()] + own


def reject_table(rejects: Sequence[Reject], topic: str, partition: int) -> pa.Table:
    """Rows for the lake's ``rejects`` table."""
    stamp = pa.timestamp("us", tz="UTC")
    received = pa.array([reject.record.timestamp * 1_000 for reject in rejects], pa.int64())
    columns = {
        "date": received.view(stamp).cast(pa.date32()),
        "received_at": received.view(stamp),
        "topic": [topic] * len(rejects),
        "partition": [partition] * len(rejects),
        "offset": [reject.record.offset for reject in rejects],
        "row": [reject.row for reject in rejects],
        "field": [reject.field for reject in rejects],
        "reason": [reject.reason for reject in rejects],
        "value": [reject.value for reject in rejects],
        "headers": [_headers_json(reject) for reject in rejects],
    }
    return pa.table([columns[name] for name in REJECTS_SCHEMA.names], REJECTS_SCHEMA)


def _headers_json(reject: Reject) -> str:
    shown = [[name, base64.b64encode(value or b"").decode()] for name, value in reject.record.headers]
    return msgspec.json.encode(shown).decode()
