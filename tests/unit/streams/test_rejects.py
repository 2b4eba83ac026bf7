import base64
import json
from random import Random

import pytest

from streams.json_wire import JsonReader
from streams.rejects import Breaker, RejectFlood, reject_headers, reject_table
from streams.schemas import REJECTS_SCHEMA
from streams.wire import Reject, decode
from tests.support.lake_maker import Message
from tests.support.plain_panes import NOW_S
from tests.support.wire_cases import GOOD, arrow_message, arrow_table

HEADERS = (("trace", b"\x00\xff"), ("reason", b"mine"), ("trace", b"again"))


def rejects() -> list[Reject]:
    """A message that is none, and a row of an Arrow message."""
    run = [
        Message(41, NOW_S * 1_000 + 250, b"\xffnone", key=b"k", headers=HEADERS),
        arrow_message(42, arrow_table([GOOD, GOOD | {"quality": 2}])),
    ]
    return decode(run, 3, JsonReader()).rejects


def test_headers_say_why_and_where_and_keep_what_was_there() -> None:
    headers = reject_headers(rejects()[0], "trust.reports", 3)
    assert [name for name, _ in headers[:6]] == ["reason", "field", "topic", "partition", "offset", "row"]
    said = dict(headers[:6])
    assert said["reason"].startswith(b"message must be one JSON report; got 5 bytes starting '\\ufffdnone'")
    assert [said[name] for name in ("field", "topic", "partition", "offset", "row")] == [
        b"message", b"trust.reports", b"3", b"41", b"-1",
    ]  # fmt: skip
    assert headers[6:] == [(f"h.{name}", value) for name, value in HEADERS]


def test_a_row_of_arrow_says_its_row() -> None:
    said = dict(reject_headers(rejects()[1], "trust.reports", 3))
    assert (said["offset"], said["row"], said["field"]) == (b"42", b"1", b"quality")
    assert said["h.content-type"] == b"application/vnd.apache.arrow.stream"


def test_rows_of_the_lake_hold_everything() -> None:
    table = reject_table(rejects(), "trust.reports", 3)
    assert table.schema.equals(REJECTS_SCHEMA)
    first, second = table.to_pylist()
    assert str(first.pop("date")) == "2023-11-14"
    assert str(first.pop("received_at")) == "2023-11-14 22:13:20.250000+00:00"
    assert first.pop("reason").startswith("message must be one JSON report")
    assert [(name, base64.b64decode(value)) for name, value in json.loads(first.pop("headers"))] == list(HEADERS)
    assert first == {
        "topic": "trust.reports", "partition": 3, "offset": 41, "row": -1, "field": "message", "value": b"\xffnone",
    }  # fmt: skip
    assert json.loads(second["value"])["quality"] == 2.0
    assert (second["offset"], second["row"]) == (42, 1)


def test_no_reject_gives_an_empty_table_of_the_lake() -> None:
    table = reject_table([], "trust.reports", 0)
    assert (len(table), table.schema) == (0, REJECTS_SCHEMA)


# ---------------------------------------------------------------------------------------------------------- breaker
def test_the_breaker_stays_closed_before_it_has_seen_its_window() -> None:
    breaker = Breaker(0.5, 100)
    assert not breaker.saw(99, 99)
    assert breaker.saw(1, 1)


def test_the_breaker_opens_above_its_ratio_and_not_at_it() -> None:
    assert not Breaker(0.5, 100).saw(100, 50)
    assert Breaker(0.5, 100).saw(100, 51)


def test_a_ratio_of_one_never_opens() -> None:
    assert not Breaker(1.0, 100).saw(1_000, 1_000)


def test_old_runs_leave_the_window() -> None:
    breaker = Breaker(0.5, 100)
    breaker.saw(60, 40)
    breaker.saw(100, 0)
    assert breaker.counts == (0, 100)


def test_a_good_past_does_not_hide_a_bad_present() -> None:
    breaker = Breaker(0.5, 1_000)
    for _ in range(1_000):
        assert not breaker.saw(1_000, 0)
    assert breaker.saw(1_000, 501)


@pytest.mark.parametrize("seed", range(5))
def test_the_window_is_the_fewest_last_runs_that_fill_it(seed: int) -> None:
    rng, breaker = Random(seed), Breaker(0.3, 50)
    runs: list[tuple[int, int]] = []
    for _ in range(200):
        messages = rng.randrange(1, 40)
        runs.append((messages, rng.randrange(messages + 1)))
        is_open = breaker.saw(*runs[-1])
        count = next((n for n in range(1, len(runs) + 1) if sum(m for m, _ in runs[-n:]) >= 50), len(runs))
        seen, bad = sum(m for m, _ in runs[-count:]), sum(b for _, b in runs[-count:])
        assert breaker.counts == (bad, seen)
        assert is_open == (seen >= 50 and bad > 0.3 * seen)


def test_a_flood_says_how_many_why_and_what_to_do() -> None:
    flood = RejectFlood(51, 100, "outcome must be one of …")
    assert (flood.bad, flood.seen, flood.example) == (51, 100, "outcome must be one of …")
    assert str(flood) == (
        "51 of the last 100 messages of trust.reports cannot be used, the last because 'outcome must be one of …'; "
        "the worker stops before it drains the topic: mend the producer, or set TRUSTSCORE_REJECT_RATIO=1 to go on"
    )
