"""The WS-DREAM response times (Zheng et al., 2014) as reports: a user is a reporter, a service a provider.

Each row holds one user's calls of one service, a column each slot of 15 minutes. 20 s is the set's time-out.
"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TextIO

from analytics.replay.errors import BadLine

__all__ = ["SLOT_S", "TIMEOUT_S", "read_wsdream", "slots_in"]

SLOT_S: Final = 900
TIMEOUT_S: Final = 20.0
_HIGHEST_S: Final = 3_600.0
_HEADER: Final = "user,service,t00,t01,..."


def read_wsdream(path: Path, file: TextIO, on_bad: Callable[[BadLine], None]) -> Iterator[list[dict[str, Any]]]:
    """One chunk per slot, slot by slot, so that event time grows; ``timestamp`` is 900 s × slot.

    An empty cell is no reading. A bad cell is handed to ``on_bad`` and left out alone.

    Raises
    ------
    BadLine
        When the first line is not ``user,service,t00,t01,…``: nothing in the file can be read then.
    """
    first = file.readline()
    slots, header = slots_in(path, first), first.strip().split(",")
    rows = csv.reader(file)
    seen: list[tuple[str, str, list[float | None]]] = []
    for row in rows:
        if len(row) != len(header):
            wanted = f"{len(header)} cells, as in the header"
            on_bad(BadLine(path, rows.line_num + 1, "line", wanted, f"{len(row)}", "correct or remove it"))
            continue
        cells = zip(header[2:], row[2:], strict=True)
        seen.append((row[0], row[1], [_seconds(path, rows.line_num + 1, name, cell, on_bad) for name, cell in cells]))
    for slot in range(slots):
        yield [
            _report(user, service, slot, seconds)
            for user, service, cells_s in seen
            if (seconds := cells_s[slot]) is not None
        ]


def slots_in(path: Path, header: str) -> int:
    """How many slots the first line names; ``BadLine`` when it is no header of such a file."""
    names = header.strip().split(",")
    if names[:2] != ["user", "service"] or len(names) < 3:
        raise BadLine(path, 1, "header", _HEADER, ascii(header.strip()[:60]), "give the file's right --format")
    return len(names) - 2


def _seconds(path: Path, line: int, name: str, cell: str, on_bad: Callable[[BadLine], None]) -> float | None:
    if not cell:
        return None
    try:
        seconds = float(cell)
    except ValueError:
        seconds = -1.0
    if 0 <= seconds <= _HIGHEST_S:
        return seconds
    wanted = f"a number from 0 to {_HIGHEST_S:,.0f} s, or empty"
    on_bad(BadLine(path, line, name, wanted, ascii(cell[:60]), "correct or empty it"))
    return None


def _report(user: str, service: str, slot: int, seconds: float) -> dict[str, Any]:
    return {
        "provider_id": f"service-{service}",
        "outcome": "timeout" if seconds >= TIMEOUT_S else "success",
        "timestamp": float(SLOT_S * slot),
        "report_id": f"ws-{user}-{service}-{slot}",
        "latency_ms": round(seconds * 1_000, 3),
        "reporter_id": f"user-{user}",
        "source": "probe",
    }
