"""JSON reports to columns: one pass over the whole run, one by one only where something is wrong."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Annotated, Any, Final, Literal

import msgspec
import numpy as np
import pyarrow as pa

from scoring.errors import InvalidReport
from scoring.reports import DETAILS_BYTES, FIELDS, Field, epoch_s, validate
from streams.json_columns import columns_of_reports
from streams.places import Places, places_of
from streams.schemas import REPORTS_SCHEMA, nulls

__all__ = ["JsonReader"]

_KINDS: Final[dict[str, Any]] = {
    "number": float,
    "integer": int,
    "bool": bool,
    "object": msgspec.Raw,
    "time": float | str,
}


def _one_of(field: Field) -> Any:
    return Literal.__getitem__(field.choices)


def _type_of(field: Field) -> Any:
    if field.kind == "strings":
        return list[_one_of(field)]  # type: ignore[misc]
    if field.choices:
        return _one_of(field)
    if field.kind == "string":
        return Annotated[str, msgspec.Meta(min_length=1, max_length=field.max_length)]
    if field.kind in ("number", "integer"):
        return Annotated[_KINDS[field.kind], msgspec.Meta(ge=field.minimum, le=field.maximum)]
    return _KINDS[field.kind]


def _member(field: Field) -> tuple[Any, ...]:
    if field.kind == "object":  # Raw takes null too, as the text null
        return (field.name, msgspec.Raw, None)
    return (field.name, _type_of(field)) if field.required else (field.name, _type_of(field) | None, None)


@lru_cache(maxsize=64)
def _decoder(names: frozenset[str]) -> msgspec.json.Decoder[Any]:
    members = [_member(field) for field in FIELDS if field.name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Report", members, forbid_unknown_fields=True, gc=False))


_REQUIRED: Final = frozenset(field.name for field in FIELDS if field.required)
_ALL: Final = frozenset(field.name for field in FIELDS)
_WRONG: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_STEP: Final = "send one JSON object per message"
_FIRST, _LAST, _BRACE, _CLOSING = itemgetter(0), itemgetter(-1), {ord("{")}, {ord("}")}


class JsonReader:
    """Parses runs of JSON reports; remembers which fields the traffic states, so that the others cost nothing.

    The compiled part reads what is written as agents write it (``streams.json_columns``). What it leaves is read by
    msgspec as a run of reports with the fields seen so far, and no other; where that is refused, as one of reports with
    all fields, then report by report. What comes out does not depend on what was seen (of 27 fields, agents state about
    8: measured 1.4 times faster than decoding and listing them all).
    """

    def __init__(self) -> None:
        self._seen = _REQUIRED

    def parse(self, values: Places | Sequence[bytes | None]) -> tuple[pa.Table, list[tuple[int, InvalidReport]]]:
        """Columns of the usable reports, in order, and the others by place with what is wrong.

        Returns
        -------
        tuple
            Table with the columns of ``FIELDS`` but ``timestamp``, and ``event_s`` (float64); problems.
        """
        places = values if isinstance(values, Places) else places_of(values)
        compiled = columns_of_reports(places)
        if compiled is None or not compiled[1].any():
            return self._parsed([places.text(at) for at in range(len(places.start))])
        columns, is_taken = compiled
        table = _whole(columns, int(is_taken.sum()))
        if len(table) == len(is_taken):
            return table, []
        left = np.flatnonzero(~is_taken)
        others, problems = self._parsed([places.text(at) for at in left.tolist()])
        usable = np.delete(left, [at for at, _ in problems]) if problems else left
        problems = [(int(left[at]), error) for at, error in problems]
        order = np.argsort(np.concatenate([np.flatnonzero(is_taken), usable]), kind="stable")
        return pa.concat_tables([table, others]).take(pa.array(order)), problems

    def _parsed(self, values: Sequence[bytes | None]) -> tuple[pa.Table, list[tuple[int, InvalidReport]]]:
        """What msgspec makes of it."""
        names = self._seen
        problems: list[tuple[int, InvalidReport]] = []
        lines = _lines(values)
        reports = _decoded(_decoder(names), lines, len(values))
        if reports is None:
            names = _ALL
            reports = _decoded(_decoder(_ALL), lines, len(values))
        if reports is None:
            reports, problems = _one_by_one(values)
        table, late = _table(reports, names)
        if names is _ALL:
            self._seen |= {name for name in _ALL if name in table.column_names and table[name].null_count < len(table)}
        if not late:
            return table, problems
        bad = {at for at, _ in problems}
        places = [at for at in range(len(values)) if at not in bad]
        problems += [(places[at], error) for at, error in late.items()]
        return table.filter(pa.array([at not in late for at in range(len(reports))])), problems


def _lines(values: Sequence[bytes | None]) -> bytes | None:
    """All values as one text, each a line; ``None`` where one of them cannot be one line with one report.

    A decoder sees one text, where a report could begin in one value and end in the next, or two stand in one value
    beside an empty one. With a brace at both ends of every value neither can be: within a report, no ``}`` comes
    before a line feed and ``{``, and a string holds no line feed.
    """
    try:
        if set(map(_FIRST, values)) == _BRACE and set(map(_LAST, values)) == _CLOSING:  # type: ignore[arg-type]
            joined = b"\n".join(values)  # type: ignore[arg-type]
            return joined if joined.count(b"\n") == len(values) - 1 else None
    except (TypeError, IndexError):  # a value is missing or empty
        pass
    return None


def _decoded(decoder: msgspec.json.Decoder[Any], lines: bytes | None, count: int) -> list[Any] | None:
    """All reports in one pass; ``None`` unless every line is a good one."""
    if lines is None:
        return None
    try:
        reports = decoder.decode_lines(lines)
    except _WRONG:
        return None
    return reports if len(reports) == count else None


def _one_by_one(values: Sequence[bytes | None]) -> tuple[list[Any], list[tuple[int, InvalidReport]]]:
    reports, problems = [], []
    for at, value in enumerate(values):
        try:
            reports.append(_one(value))
        except InvalidReport as error:
            problems.append((at, error.kept()))
    return reports, problems


def _one(value: bytes | None) -> Any:
    if not value:
        raise InvalidReport("message", "one JSON report", "an empty message", _STEP)
    try:
        return _decoder(_ALL).decode(value)
    except _WRONG:
        pass
    try:
        given = msgspec.json.decode(value)
    except _WRONG as error:
        raise InvalidReport("message", "one JSON report", f"{_start(value)} ({error})", _STEP) from None
    if not isinstance(given, dict):
        raise InvalidReport("message", "one JSON report", _start(value), _STEP)
    try:
        return _decoder(_ALL).decode(msgspec.json.encode(validate(given)))
    except _WRONG as error:
        raise InvalidReport(
            "message", "a report within its bounds", f"{_start(value)} ({error})", "correct the field"
        ) from None


def _start(value: bytes) -> str:
    return f"{len(value)} bytes starting {value[:40].decode('utf-8', 'replace')!a}"


def _table(reports: list[Any], names: frozenset[str]) -> tuple[pa.Table, dict[int, InvalidReport]]:
    """Columns of the reports, of which ``names`` may be stated; and what is wrong with which."""
    problems: dict[int, InvalidReport] = {}
    columns: dict[str, pa.Array] = {}
    for field in FIELDS:
        if field.name not in names:
            continue
        if field.kind == "time":
            columns[field.name] = pa.array(_event_s(reports, problems))
            continue
        values: Iterable[Any] = list(map(attrgetter(field.name), reports))
        if field.kind == "object":
            values = _details(values, reports, problems)
        columns[field.name] = pa.array(values, REPORTS_SCHEMA.field(field.name).type)
    return _whole(columns, len(reports)), problems


def _whole(columns: Mapping[str, pa.Array], count: int) -> pa.Table:
    """With a column for each field, the time as ``event_s``."""
    whole = {}
    for field in FIELDS:
        column = columns.get(field.name)
        if column is None:
            column = nulls(REPORTS_SCHEMA.field(field.name).type, count)
        whole["event_s" if field.kind == "time" else field.name] = column
    return pa.table(whole)


def _event_s(reports: list[Any], problems: dict[int, InvalidReport]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    given = [report.timestamp for report in reports]
    if str not in set(map(type, given)):
        return np.array(given, np.float64)
    seconds = np.zeros(len(given))
    for at, value in enumerate(given):
        try:
            seconds[at] = epoch_s(value)
        except (ValueError, OverflowError):
            problems.setdefault(at, _invalid(reports[at]))
    return seconds


def _details(values: Iterable[Any], reports: list[Any], problems: dict[int, InvalidReport]) -> Iterable[str | None]:
    """Their text as sent; one that is no object, too large or no UTF-8 is a problem."""
    texts: list[str | None] = []
    for at, raw in enumerate(values):
        text = None if raw is None or bytes(raw) == b"null" else bytes(raw)
        try:
            if text is not None and (len(text) > DETAILS_BYTES or not text.startswith(b"{")):
                validate(_plain(reports[at]))
            texts.append(None if text is None else text.decode())
        except InvalidReport as error:
            problems.setdefault(at, error.kept())
            texts.append(None)
        except UnicodeDecodeError:
            problems.setdefault(at, InvalidReport("details", "UTF-8 text", _start(text or b""), "encode it as UTF-8"))
            texts.append(None)
    return texts


def _invalid(report: Any) -> InvalidReport:
    try:
        validate(_plain(report))
    except InvalidReport as error:
        return error.kept()
    raise AssertionError("a report that passes every check was taken for a bad one")


def _plain(report: Any) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(report))
    return plain
