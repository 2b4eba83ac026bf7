import pytest
from mcp.server.mcpserver.exceptions import ToolError

from analytics.errors import Unavailable, UnknownProvider
from analytics.mcp_sentences import sentence_of


@pytest.mark.parametrize("cause", [None, RuntimeError("the password is hunter2"), KeyError("provider_id")])
def test_a_crash_is_no_sentence_for_the_caller(cause: BaseException | None) -> None:
    assert sentence_of(cause) is None


def test_an_unknown_provider_comes_with_the_closest_ids() -> None:
    assert sentence_of(UnknownProvider("git-hub", ["github", "gitlab"])) == (
        "provider git-hub is neither in the catalog nor in any report; did you mean github, gitlab?"
    )


def test_without_a_closest_id_the_next_step_is_a_tool_and_no_address() -> None:
    assert sentence_of(UnknownProvider("zzz", [])) == (
        "provider zzz is neither in the catalog nor in any report; call trustscore_discover for ids that are known"
    )


def test_what_is_away_is_said_with_what_to_do() -> None:
    away = Unavailable("broker", "Kafka at k:9092 does not answer", "send the report again")
    assert sentence_of(away) == "Kafka at k:9092 does not answer; send the report again"
    assert sentence_of(ToolError("already said")) == "already said"
