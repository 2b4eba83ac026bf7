"""REST and the server: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "rest.bad-report": Promise(
        "A bad report gets field, wanted, got and next step.",
        tests_in("unit/analytics/test_intake", "test_a_bad_field_is_said_with_wanted_got_and_next_step")
        + tests_in("contract/test_rest_answers", "test_rest_bad_report_gets_its_sentence_alone_and_among_many"),
    ),
    "rest.never-crashes": Promise(
        "Fuzzed addresses, bytes and JSON never got a 500.",
        tests_in(
            "contract/test_rest_answers",
            "test_rest_never_crashes_on_any_address",
            "test_rest_never_crashes_on_any_bytes",
            "test_rest_never_crashes_on_any_json",
        ),
    ),
    "rest.one-error-shape": Promise(
        "All errors have one shape.", tests_in("contract/test_rest_answers", "test_rest_errors_have_one_shape")
    ),
    "rest.openapi": Promise(
        "OpenAPI lists every address with examples and errors.",
        tests_in("contract/test_rest_answers", "test_rest_describes_itself_with_examples_and_errors"),
    ),
    "rest.report-to-kafka": Promise(
        "Posted reports (one, many, Arrow) go to Kafka, all or none.",
        tests_in(
            "integration/test_server",
            "test_a_posted_report_goes_to_kafka_keyed_by_its_provider",
            "test_many_reports_and_an_arrow_stream_go_to_kafka",
            "test_one_bad_report_among_many_sends_none_of_them",
        ),
    ),
    "rest.same-answers": Promise(
        "REST gives the answers themselves.",
        tests_in(
            "contract/test_rest_answers",
            "test_rest_check_is_the_answer_itself_whatever_the_id_holds",
            "test_rest_questions_give_the_answers_themselves",
        ),
    ),
    "rest.unknown-404": Promise(
        "Unknown id 404 with closest ids; unreported catalog entry 200 with nulls.",
        tests_in(
            "contract/test_rest_answers",
            "test_rest_unknown_provider_is_404_with_the_closest_id",
            "test_rest_catalog_entry_nobody_reported_is_200_with_nulls",
        ),
    ),
    "serve.clean-stop": Promise(
        "`serve` answers REST and MCP; SIGTERM and Ctrl-C end it with exit code 0.",
        tests_in("integration/test_server", "test_a_served_process_answers_rest_and_mcp_and_stops_cleanly"),
    ),
    "serve.port-in-use": Promise(
        "A taken port ends the server with exit code 1.",
        tests_in("integration/test_server", "test_an_address_in_use_ends_the_server_with_exit_code_1"),
    ),
}
