import pytest
from starlette.exceptions import HTTPException

from analytics.api.errors import facts_of
from analytics.errors import AnalyticsError, InvalidRequest, Unavailable, UnknownProvider
from scoring.errors import InvalidReport


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidReport("latency_ms", "at least 0", "-1", "send it within bounds"), 422, "invalid_report"),
        (InvalidRequest("limit", "1 to 5", "9", "ask for fewer"), 422, "invalid_request"),
        (UnknownProvider("nobody", []), 404, "unknown_provider"),
        (Unavailable("broker", "Kafka is away", "start it"), 503, "broker_unavailable"),
        (AnalyticsError("something"), 503, "unavailable"),
        (HTTPException(404, "Not Found"), 404, "not_found"),
        (HTTPException(405), 405, "method_not_allowed"),
        (HTTPException(418), 418, "http_error"),
        (ZeroDivisionError("secret"), 500, "internal_error"),
    ],
)
def test_every_error_has_status_code_sentence_and_next_step(error: Exception, status: int, code: str) -> None:
    found, facts = facts_of(error)
    assert (found, facts.code) == (status, code)
    assert facts.message
    assert facts.next
    assert "secret" not in facts.message


def test_a_mendable_error_carries_its_facts() -> None:
    _, facts = facts_of(InvalidReport("latency_ms", "at least 0", "-1", "send it within bounds"))
    assert (facts.field, facts.wanted, facts.got, facts.next) == (
        "latency_ms", "at least 0", "-1", "send it within bounds",
    )  # fmt: skip
