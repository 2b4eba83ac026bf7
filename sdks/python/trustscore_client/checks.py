"""Whether a report may be queued. This runs on the agent's path, so each field's check is built once, at import."""

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from trustscore_client.errors import InvalidReport
from trustscore_client.fields import DETAILS_BYTES, FIELDS, Field

__all__ = ["LARGEST_WEIGHT", "admit"]

_PROVIDER_ID: Final = re.compile(r"[A-Za-z0-9._:/@-]{1,200}\Z")
_UNFIT: Final = object()
_BASE_WEIGHT: Final = 300
_FIELD_WEIGHT: Final = 90
LARGEST_WEIGHT: Final = _BASE_WEIGHT + _FIELD_WEIGHT * len(FIELDS) + 10 * DETAILS_BYTES
"""No report weighs more, bytes."""

_Check = Callable[[Any], Any]


def admit(given: Mapping[str, Any], now_s: float) -> tuple[int, dict[str, Any]]:
    """About how many bytes a report holds in memory, and the report with its values checked and its time set.

    Values are copied where the agent could still change them. ``None`` counts as left out; unknown fields move into
    ``details``, as the service does it.

    Raises
    ------
    InvalidReport
        At the first field that is missing or out of bounds.
    """
    report: dict[str, Any] = {}
    unknown: dict[str, Any] | None = None
    for name, value in given.items():
        check = _CHECKS.get(name)
        if check is None:
            unknown = {name: value} if unknown is None else unknown | {name: value}
            continue
        if value is None:
            continue
        kept = check(value)
        if kept is _UNFIT:
            field = _BY_NAME[name]
            step = "correct it" if field.required else "send it within bounds or leave it out"
            raise InvalidReport(name, field.wanted, _shown(value), step)
        report[name] = kept
    if "provider_id" not in report or "outcome" not in report:
        missing = _BY_NAME["outcome" if "provider_id" in report else "provider_id"]
        raise InvalidReport(missing.name, missing.wanted, "nothing", "add the field")
    if "timestamp" not in report:
        report["timestamp"] = now_s
    weight = _BASE_WEIGHT + _FIELD_WEIGHT * len(report)
    if unknown is not None:
        report["details"] = _details({**unknown, **report.get("details", {})})
        if report["details"] is _UNFIT:
            got = f"unknown fields ({', '.join(map(str, unknown))[:60]}) that do not fit"
            raise InvalidReport("details", _BY_NAME["details"].wanted, got, "send fewer unknown fields")
    if "details" in report:
        # A dict of small numbers takes ten times its JSON.
        weight += 10 * len(_json(report["details"]))
    return weight, report


def _text(field: Field) -> _Check:
    limit = field.max_length

    def check(value: Any) -> Any:
        fits = isinstance(value, str) and 1 <= len(value) <= limit and (value.isascii() or _encodable(value))
        return value if fits else _UNFIT

    return check


def _provider_id(_field: Field) -> _Check:
    match = _PROVIDER_ID.match
    return lambda value: value if isinstance(value, str) and match(value) else _UNFIT


def _choice(field: Field) -> _Check:
    choices = frozenset(field.choices)
    return lambda value: value if isinstance(value, str) and value in choices else _UNFIT


def _choices(field: Field) -> _Check:
    choices = frozenset(field.choices)

    def check(value: Any) -> Any:
        fits = isinstance(value, list | tuple) and all(isinstance(one, str) and one in choices for one in value)
        return list(value) if fits else _UNFIT

    return check


def _number(field: Field) -> _Check:
    low, high = field.minimum, field.maximum

    def check(value: Any) -> Any:
        kind = type(value)
        if kind is not float and kind is not int:
            value = _plain_number(value)
        return value if low <= value <= high else _UNFIT

    return check


def _integer(field: Field) -> _Check:
    low, high = field.minimum, field.maximum

    def check(value: Any) -> Any:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            return _UNFIT
        whole = operator.index(value)
        return whole if low <= whole <= high else _UNFIT

    return check


def _flag(_field: Field) -> _Check:
    return lambda value: value if isinstance(value, bool) else _UNFIT


def _time(_field: Field) -> _Check:
    def check(value: Any) -> Any:
        kind = type(value)
        if kind is not float and kind is not int:
            value = _moment(value) if isinstance(value, str | datetime) else _plain_number(value)
        return value if -1e11 < value < 1e11 else _UNFIT

    return check


def _moment(value: str | datetime) -> float:
    """Epoch seconds of an RFC 3339 time with zone or an aware datetime; NaN of anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        aware = moment.tzinfo is not None and not (isinstance(value, str) and len(value) < 11)
        return moment.timestamp() if aware else math.nan
    except (ValueError, OverflowError):
        return math.nan


def _plain_number(value: Any) -> float:
    """A float of what stands for a number (numpy scalars, ``Decimal``); NaN of a bool, a text or anything else."""
    if isinstance(value, bool | str | bytes | bytearray) or not hasattr(value, "__float__"):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _details(value: Any) -> Any:
    """A copy of an object that is JSON of at most ``DETAILS_BYTES``; the work is bounded however large the object."""
    if not isinstance(value, dict):
        return _UNFIT
    try:
        copy, left = _copied(value, DETAILS_BYTES)
        return copy if left >= 0 and len(_json(copy)) <= DETAILS_BYTES else _UNFIT
    except (ValueError, TypeError, RecursionError):
        return _UNFIT


def _copied(value: Any, left: int) -> tuple[Any, int]:
    """A deep copy, and ``left`` less at least a byte per value and character: below 0 the copy is cut short."""
    left -= 1
    if isinstance(value, dict):
        pairs: dict[str, Any] = {}
        left -= 1
        for name, one in value.items():
            if not isinstance(name, str):
                raise TypeError("a name that is no text")
            if (left := left - len(name)) < 0:
                break
            pairs[name], left = _copied(one, left)
        return pairs, left
    if isinstance(value, list | tuple):
        items = []
        left -= 1
        for one in value:
            if left < 0:
                break
            item, left = _copied(one, left)
            items.append(item)
        return items, left
    if isinstance(value, str):
        return value, left - len(value)
    if isinstance(value, int) and value.bit_length() > 8 * DETAILS_BYTES:
        return None, -1
    return value, left


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    if isinstance(value, dict | list | tuple | set):
        return f"a {type(value).__name__} of {len(value):,}"
    text = ascii(value[:60] if isinstance(value, str | bytes) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_of(field: Field) -> _Check:
    if field.name == "provider_id":
        return _provider_id(field)
    if field.kind == "string":
        return _choice(field) if field.choices else _text(field)
    if field.kind == "object":
        return _details
    makers = {"number": _number, "integer": _integer, "bool": _flag, "strings": _choices, "time": _time}
    return makers[field.kind](field)


_BY_NAME: Final = {field.name: field for field in FIELDS}
_CHECKS: Final = {field.name: _check_of(field) for field in FIELDS}
