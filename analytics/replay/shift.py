"""Moving a file's reports in time, so that old traffic can be replayed as if it ended now."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from analytics.errors import InvalidRequest
from analytics.replay.sources import Format, OnBad, open_text, raise_bad, read
from analytics.replay.wsdream import SLOT_S, slots_in
from scoring.reports import epoch_s

__all__ = ["last_event_s", "parse_shift", "shifted"]

_WANTED: Final = "now, none, epoch seconds or an RFC 3339 time with zone"


def parse_shift(text: str, now_s: float, option: str = "--shift") -> float | None:
    """When the last report is to have happened, epoch seconds; None: leave the times as they are.

    Raises
    ------
    InvalidRequest
        When ``text`` is neither ``now``, ``none`` nor a time.

    Examples
    --------
    >>> parse_shift("now", 1_000.0), parse_shift("none", 1_000.0), parse_shift("1970-01-01T00:01:00Z", 1_000.0)
    (1000.0, None, 60.0)
    """
    if text in ("now", "none"):
        return now_s if text == "now" else None
    try:
        return epoch_s(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValueError:
        raise InvalidRequest(option, _WANTED, repr(text), "correct it") from None


def last_event_s(path: Path, form: Format, on_bad: OnBad = raise_bad) -> float:
    """Latest moment the file speaks of, in its own time; 0 for a file without reports. Reads the whole file once.

    For wsdream the end of the last slot, whether or not it holds a reading: the header tells.
    """
    if form is Format.WSDREAM:
        with open_text(path) as file:
            return float(SLOT_S * slots_in(path, file.readline()))
    return max((report["timestamp"] for chunk in read(path, form, on_bad) for report in chunk), default=0.0)


def shifted(chunks: Iterable[list[dict[str, Any]]], by_s: float) -> Iterator[list[dict[str, Any]]]:
    """The same reports, ``by_s`` seconds later."""
    for chunk in chunks:
        for report in chunk:
            report["timestamp"] += by_s
        yield chunk
