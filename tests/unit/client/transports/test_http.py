import json

import pytest
from trustscore_client.transports.http import _named_places, _others_taken


@pytest.mark.parametrize(
    ("answer", "places"),
    [
        ({"error": {"index": 3, "field": "latency_ms"}}, (3,)),
        ({"error": {"field": "[3].latency_ms", "wanted": "a number"}}, (3,)),
        ({"errors": [{"index": 4, "field": "[4].outcome"}, {"index": 1}, {"index": 4}]}, (1, 4)),
        ({"detail": [{"field": "reports[0].quality"}]}, (0,)),
        ({"errors": [{"index": 10}, {"index": -1}, {"index": True}, {"index": "2"}]}, ()),
        ({"error": {"field": "latency_ms", "message": "[1] is bad"}}, ()),
        (["no", {"shape": None}], ()),
    ],
)
def test_the_reports_an_answer_names_are_found(answer: object, places: tuple[int, ...]) -> None:
    assert _named_places(json.dumps(answer).encode(), 10) == places


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[" * 100_000, b"\xff"])
def test_an_answer_that_cannot_be_read_names_nothing(answer: bytes) -> None:
    assert _named_places(answer, 10) == ()
    assert not _others_taken(answer)


@pytest.mark.parametrize(("answer", "taken"), [({"accepted": 9}, True), ({"accepted": 0}, False), ({}, False)])
def test_others_count_as_taken_only_when_the_server_says_so(answer: object, taken: bool) -> None:
    assert _others_taken(json.dumps(answer).encode()) is taken
