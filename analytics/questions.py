"""Arguments of a question, checked: what cannot be asked is said in one sentence. Pure."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

from analytics.errors import InvalidRequest
from analytics.models import Bucket
from scoring.reports import PROVIDER_ID, epoch_s

__all__ = [
    "BUCKET_S", "MOST_IDS", "bucket", "closest_ids", "limit", "moment_s", "provider_id", "provider_ids", "span",
    "text",
]  # fmt: skip

MOST_IDS: Final = 1_000
BUCKET_S: Final[dict[Bucket, int]] = {"minute": 60, "hour": 3_600, "day": 86_400}
_COMPARED: Final = 5_000
"""Ids an unknown one is compared with letter by letter; 5,000 take 50 ms."""


def provider_id(value: object, field: str = "provider_id") -> str:
    """A provider's id.

    Raises
    ------
    InvalidRequest
        When it is none.
    """
    if isinstance(value, str) and PROVIDER_ID.match(value):
        return value
    wanted = "1 to 200 characters of A-Z a-z 0-9 . _ : / @ -"
    got = "an empty text" if value == "" else _shown(value)
    raise InvalidRequest(field, wanted, got, "take an id from discover or rank")


def provider_ids(values: Sequence[object]) -> list[str]:
    """Ids in their order, each once."""
    if isinstance(values, str) or not 1 <= len(values) <= MOST_IDS:
        got = "a text" if isinstance(values, str) else f"{len(values):,}"
        step = "leave it out to rank all that are known"
        raise InvalidRequest("provider_ids", f"a list of 1 to {MOST_IDS:,} ids", got, step)
    found = (provider_id(value, f"provider_ids[{index}]") for index, value in enumerate(values))
    return list(dict.fromkeys(found))


def text(value: object, field: str, most: int = 100) -> str | None:
    """A text of 1 to ``most`` characters; None stays None."""
    if value is None:
        return None
    if isinstance(value, str) and 1 <= len(value) <= most and _is_clean(value):
        return value
    got = "an empty text" if value == "" else _shown(value)
    wanted = f"text of 1 to {most} characters without control characters"
    raise InvalidRequest(field, wanted, got, "leave it out to ask about everything")


def limit(value: object, most: int) -> int:
    """How many to answer with."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return value
    raise InvalidRequest("limit", f"a whole number from 1 to {most:,}", _shown(value), "ask for fewer at a time")


def bucket(value: object) -> Bucket:
    """Name of a bucket length."""
    for name in BUCKET_S:
        if value == name:
            return name
    raise InvalidRequest("bucket", f"one of {', '.join(BUCKET_S)}", _shown(value), "leave it out for hour")


def moment_s(value: object, field: str) -> float | None:
    """Epoch seconds of a time; None stays None."""
    if value is None:
        return None
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        try:
            moment = epoch_s(value)
            if 0 <= moment <= 1e11:
                return moment
        except (ValueError, OverflowError):
            pass
        # A query string holds no numbers, only texts.
        if isinstance(value, str) and value.replace(".", "", 1).isdecimal() and len(value) < 20:
            return moment_s(float(value), field)
    wanted = "epoch seconds or an RFC 3339 time with zone"
    raise InvalidRequest(field, wanted, _shown(value), "leave it out for the usual span")


def span(since_s: float, until_s: float) -> None:
    """Raise ``InvalidRequest`` when a span of time ends before it begins."""
    if since_s >= until_s:
        got = f"{since_s - until_s:,.0f} s later"
        raise InvalidRequest("since", "before until", got, "swap them or leave one out")


def closest_ids(wanted: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Known ids that look like ``wanted``: first those that contain it, then those with few letters changed.

    >>> closest_ids("wether", ["acme/weather", "weather", "wethers", "mail"])
    ['wethers', 'weather']
    """
    near = wanted.casefold()
    by_folded = {candidate.casefold(): candidate for candidate in sorted(known)}
    containing = [folded for folded in by_folded if near in folded or (len(folded) > 3 and folded in near)]
    alike = difflib.get_close_matches(near, list(by_folded)[:_COMPARED], n=most, cutoff=0.7)
    return [by_folded[folded] for folded in list(dict.fromkeys([*containing, *alike]))[:most]]


def _is_clean(value: str) -> bool:
    """Whether a text can be written as UTF-8 and holds no control characters."""
    return not any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in value)


def _shown(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
