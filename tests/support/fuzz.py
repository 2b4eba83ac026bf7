"""Messages that no agent should send, drawn from a seed, beside good ones: what a broken or hostile producer does."""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from scoring.errors import InvalidReport
from scoring.reports import check_time, epoch_s
from tests.support.traffic import Message
from tests.support.wire_cases import ARROW_HEADER, BAD_JSON, arrow_bytes, arrow_table, one_by_one

__all__ = ["KINDS", "LARGE_EVERY", "is_usable", "poison"]

LARGE_EVERY: Final = 2_000
"""One message in so many is about as large as the topic takes: 1 MB."""
_LARGE: Final = ("x" * 990_000, "ä" * 165_000)
"""As JSON about 1 MB each."""
_SMALL: Final = [value for value in BAD_JSON.values() if value is not None and len(value) < 1_000]
_DEEP: Final = 20_000
_WRONG: Final[dict[str, Sequence[Any]]] = {
    "provider_id": (None, 7, "", "a b", ["p"], {}, "x" * 300),
    "outcome": (None, 1, "ok", "SUCCESS", ["success"]),
    "timestamp": (None, "yesterday", True, [], {}, -1e300, 0, 4_102_444_800),
    "latency_ms": ("12", -1, [1], {}, True),
    "task_type": (7, [], "", {}),
    "region": (7, [], "", {}),
    "quality": (1.5, -0.1, "good", []),
    "schema_valid": (1, "yes", []),
    "security": ("leak", ["rumour"], [1], {}),
    "details": ("{}", [], 7, {"a": "x" * 5_000}),
    "attempt": (1.5, "2", -1),
}
_NUMBERS: Final = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0x10", "01", "+1", "1_000")


def _text(report: Mapping[str, Any]) -> str:
    return json.dumps(report)


def _truncated(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    text = _text(report).encode()
    return text[: rng.randrange(1, len(text))]


def _wrong_type(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    name = rng.choice([*_WRONG])
    return _text({**report, name: rng.choice(_WRONG[name])}).encode()


def _no_number(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    name = rng.choice(("latency_ms", "quality", "cost_usd", "timestamp", "data_age_s"))
    return _text({**report, name: "@"}).replace('"@"', rng.choice(_NUMBERS)).encode()


def _large(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    name = rng.choice(("provider_id", "report_id", "region", "mood", "details"))
    return _text({**report, name: rng.choice(_LARGE)}).encode()


def _deep(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    deep = opening * _DEEP + "1" + closing * _DEEP
    return rng.choice((deep, _text({**report, "details": "@"}).replace('"@"', f'{{"a":{deep}}}'))).encode()


def _surrogate(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    name = rng.choice(("provider_id", "report_id", "region", "task_type"))
    lone = rng.choice((b"\\ud800", b"\\udfff\\ud800", b"\xed\xa0\x80"))
    return _text({**report, name: "@"}).encode().replace(b'"@"', b'"' + lone + b'"')


def _null_bytes(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    text = _text(report).encode()
    at = rng.randrange(len(text) + 1)
    return rng.choice((b"\0" * rng.randrange(1, 50), text[:at] + b"\0" + text[at:]))


def _noise(rng: random.Random, _: Mapping[str, Any]) -> bytes:
    return rng.randbytes(rng.randrange(1, 200))


def _not_one_report(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    text = _text(report)
    others = ("", "null", "true", "7", '"text"', "[]", f"[{text}]", f"{text}\n{text}", f"{text},{text}", f"{text}]")
    return rng.choice(others).encode()


def _known(rng: random.Random, _: Mapping[str, Any]) -> bytes:
    return rng.choice(_SMALL)


def _flipped(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    """A few bytes of a good report changed: most are bad, some are another good report."""
    text = bytearray(_text(report).encode())
    for _ in range(rng.randrange(1, 4)):
        text[rng.randrange(len(text))] = rng.randrange(256)
    return bytes(text)


Kind = Callable[[random.Random, Mapping[str, Any]], bytes]
_JSON: Final[dict[str, Kind]] = {
    "truncated": _truncated,
    "wrong type": _wrong_type,
    "no number": _no_number,
    "deep": _deep,
    "lone surrogate": _surrogate,
    "null bytes": _null_bytes,
    "noise": _noise,
    "not one report": _not_one_report,
    "known": _known,
    "flipped": _flipped,
}


def _bad_arrow(rng: random.Random, report: Mapping[str, Any]) -> bytes:
    whole = arrow_bytes(arrow_table([report]))
    return rng.choice((b"", whole[: rng.randrange(1, 200)], rng.randbytes(100), b"ARROW1\0\0" + whole[:50]))


def _json_called_arrow(_: random.Random, report: Mapping[str, Any]) -> bytes:
    return _text(report).encode()


def _arrow_called_json(_: random.Random, report: Mapping[str, Any]) -> bytes:
    return arrow_bytes(arrow_table([report]))


_ARROW: Final[dict[str, tuple[Kind, Sequence[tuple[str, bytes]]]]] = {
    "bad Arrow": (_bad_arrow, [ARROW_HEADER]),
    "JSON called Arrow": (_json_called_arrow, [ARROW_HEADER]),
    "Arrow called JSON": (_arrow_called_json, [("content-type", b"application/json")]),
}
KINDS: Final = (*_JSON, *_ARROW, "tombstone", "large")


def poison(seed: int, reports: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Message]]:
    """A message and its kind made of each report; ``is_usable`` tells of some in JSON that they are reports."""
    rng, turn = random.Random(seed), itertools.count(1)
    for report in reports:
        kind = "large" if next(turn) % LARGE_EVERY == 0 else rng.choice(KINDS[:-1])
        key = rng.choice((None, b"", b"p1", b"\xff"))
        if kind == "tombstone":
            yield kind, (key or b"p1", None, ())  # aiokafka sends no message without key and value
        elif kind == "large":
            yield kind, (key, _large(rng, report), ())
        elif kind in _ARROW:
            make, headers = _ARROW[kind]
            yield kind, (key, make(rng, report), headers)
        else:
            yield kind, (key, _JSON[kind](rng, report), ())


def is_usable(message: Message, now_s: float) -> bool:
    """Whether a message is one good JSON report, by the standard library and one check after the other."""
    _, value, headers = message
    found = one_by_one(value)
    if isinstance(found, InvalidReport) or ARROW_HEADER in headers:
        return False
    try:
        check_time(epoch_s(found["timestamp"]), now_s)
    except (InvalidReport, ValueError, OverflowError):
        return False
    return True
