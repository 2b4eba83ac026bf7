"""Answers over MCP, REST and the board: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "answers.broker-away-and-back": Promise(
        "A server whose broker dies answers stale, and live again when a broker is back.",
        tests_in(
            "integration/test_server",
            "test_without_kafka_answers_are_stale_from_the_lake_and_live_again_when_it_is_back",
        ),
    ),
    "answers.check-fields": Promise(
        "A check keeps the old field names, and says what the score record says.",
        tests_in("unit/analytics/test_answers", "test_a_check_holds_the_old_fields_and_what_the_record_says"),
    ),
    "answers.contributor-status": Promise(
        "A contributor with fewer than 5 reports is new, with fewer than 100 active, then trusted.",
        tests_in("integration/test_server", "test_contributions_add_up_to_a_status")
        + tests_in("unit/analytics/test_contributors", "test_status_goes_by_reports_accepted"),
    ),
    "answers.explain-adds-up": Promise(
        "Contributions and evidence adjustment sum exactly to the score.",
        tests_in("unit/analytics/test_answers", "test_contributions_and_adjustment_add_up_to_the_score"),
    ),
    "answers.history": Promise(
        "History counts what was reported, by bucket.",
        tests_in("unit/analytics/test_answers", "test_a_history_counts_what_was_reported_by_bucket"),
    ),
    "answers.live-view": Promise(
        "The live view holds what `trust.scores` held and what comes.",
        tests_in("integration/test_server", "test_the_live_view_holds_what_was_and_what_comes"),
    ),
    "answers.mcp-report": Promise(
        "A report over MCP goes through Kafka into the score.",
        tests_in("integration/test_mcp", "test_a_report_over_mcp_reaches_the_score_through_kafka"),
    ),
    "answers.mcp-resources": Promise(
        "Providers are MCP resources whatever their id holds, and prompts are served.",
        tests_in("integration/test_mcp", "test_resources_and_prompts_are_served"),
    ),
    "answers.mcp-schemas": Promise(
        "Every MCP tool states its output schema and what it does to the world.",
        tests_in(
            "unit/analytics/test_mcp_server", "test_each_tool_states_its_output_schema_and_what_it_does_to_the_world"
        ),
    ),
    "answers.mcp-sentences": Promise(
        "Over MCP an unknown id, an empty one, 5 KiB of details and a negative latency each get their sentence.",
        tests_in("integration/test_mcp", "test_bad_input_gets_a_sentence"),
    ),
    "answers.mcp-stale": Promise(
        "While Kafka is away, MCP answers come from the lake marked stale and reports are refused.",
        tests_in("integration/test_mcp", "test_while_kafka_is_away_answers_are_stale_and_reports_are_refused"),
    ),
    "answers.mcp-stdout": Promise(
        "The stdio server writes nothing but the protocol to stdout.",
        tests_in("integration/test_mcp", "test_nothing_but_the_protocol_is_on_stdout"),
    ),
    "answers.mcp-tools": Promise(
        "A real MCP client lists the six tools over stdio and HTTP and calls each one.",
        tests_in("integration/test_mcp", "test_a_client_lists_the_tools_and_calls_each_one"),
    ),
    "answers.rank-lower-bound": Promise(
        "Rankings go by the lower bound; unknown providers stand last.",
        tests_in("unit/analytics/test_answers", "test_a_ranking_goes_by_the_lower_bound_and_unknown_ones_come_last"),
    ),
    "answers.stale-from-lake": Promise(
        "While Kafka is away answers come from the lake, marked stale with their age.",
        tests_in("unit/analytics/test_answers", "test_while_kafka_is_away_answers_come_from_the_lake_marked_stale"),
    ),
    "answers.stale-behind": Promise(
        "While reports wait for a worker, live answers are marked stale and say since when; an aborted transaction is "
        "no report.",
        tests_in(
            "integration/test_stale",
            "test_while_no_worker_takes_reports_in_answers_say_so_and_are_live_again_afterwards",
            "test_an_aborted_transaction_is_no_report_that_waits_and_what_waits_does_so_without_the_broker",
        )
        + tests_in("unit/analytics/test_answers", "test_while_reports_wait_for_a_worker_every_live_answer_says_so"),
    ),
    "answers.unknown-is-no-number": Promise(
        "An unknown provider has no score, and the closest ids are named.",
        tests_in("unit/analytics/test_answers", "test_unknown_provider_is_said_plainly"),
    ),
}
