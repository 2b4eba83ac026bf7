"""The agents' client library: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "client.away": Promise(
        "Reports made while the server or broker is away arrive when it is back.",
        tests_in(
            "integration/test_client",
            "test_a_server_that_is_away_at_first_gets_everything_later",
            "test_a_broker_that_is_away_at_first_gets_everything_later",
            "test_reports_made_while_the_broker_was_dead_arrive_when_it_is_back",
        ),
    ),
    "client.bounds": Promise(
        "The buffer's bounds hold and every report is accounted for.",
        tests_in("unit/client/test_buffer", "test_bounds_hold_and_every_report_is_accounted_for"),
    ),
    "client.call": Promise(
        "One line times a call and reports its outcome; the exception passes through; cancellation is no failure.",
        tests_in(
            "unit/client/test_calls",
            "test_a_call_is_timed_and_reported_with_what_was_set_meanwhile",
            "test_an_exception_passes_through_unchanged",
            "test_cancellation_is_not_the_providers_failure",
            "test_watch_reports_a_coroutine_when_it_is_done",
        ),
    ),
    "client.exit": Promise(
        "What waits is sent when the process ends, for a bounded time.",
        tests_in(
            "integration/test_client",
            "test_what_waits_is_sent_when_the_process_ends",
            "test_what_waits_is_sent_when_the_agent_fails",
            "test_the_end_is_not_held_up_by_a_server_that_is_away",
            "test_kafka_reports_are_sent_when_the_process_ends",
        ),
    ),
    "client.fork": Promise(
        "A forked child sends its own reports on its own connection.",
        tests_in(
            "integration/test_client",
            "test_a_forked_child_sends_its_own_reports_and_not_its_parents",
            "test_a_child_of_multiprocessing_sends_before_it_ends",
            "test_a_fork_leaves_the_parents_connection_to_kafka_alone",
        ),
    ),
    "client.http": Promise(
        "Reports reach the server as JSON it can use, over HTTP with the standard library.",
        tests_in("integration/test_client", "test_reports_reach_the_server_as_json_it_can_use"),
    ),
    "client.http-faults": Promise(
        "Large batches are cut, Retry-After is read, and a closed idle connection is no failure.",
        tests_in(
            "integration/test_client",
            "test_a_batch_that_is_too_large_goes_in_pieces",
            "test_a_busy_server_says_when_to_come_back",
            "test_a_connection_the_server_closed_meanwhile_is_no_failure",
        ),
    ),
    "client.kafka": Promise(
        "Reports reach Kafka one a message, keyed by provider, or as Arrow batches.",
        tests_in(
            "integration/test_client",
            "test_reports_reach_kafka_one_a_message_keyed_by_provider",
            "test_arrow_batches_reach_kafka_with_their_header",
            "test_a_compressed_topic_reads_the_same",
        ),
    ),
    "client.light": Promise(
        "Importing the client loads only the standard library.",
        tests_in("unit/client/test_package", "test_importing_the_client_loads_nothing_but_the_standard_library"),
    ),
    "client.never-blocks": Promise(
        "A server that never answers does not hold up the agent.",
        tests_in("integration/test_client", "test_a_server_that_never_answers_does_not_hold_up_the_agent")
        + tests_in(
            "unit/client/test_client",
            "test_a_transport_that_hangs_never_holds_up_the_agent",
            "test_memory_is_bounded_by_bytes_too",
        ),
    ),
    "client.never-raises": Promise(
        "A bad value is counted and logged once, never raised (unless strict).",
        tests_in(
            "unit/client/test_client",
            "test_a_bad_value_is_counted_and_logged_once_for_its_field",
            "test_not_even_a_hostile_object_raises_into_the_agent",
            "test_strict_raises_for_development",
        ),
    ),
    "client.refused": Promise(
        "What the server names as invalid is dropped and counted; every good report arrives once.",
        tests_in(
            "integration/test_client",
            "test_reports_the_server_names_are_dropped_and_those_it_took_are_not_sent_again",
            "test_a_server_that_takes_all_or_nothing_gets_every_good_report_once",
        ),
    ),
    "client.same-fields": Promise(
        "Client and service know the same fields and take the same reports.",
        tests_in("unit/client/test_fields", "test_fields_are_those_of_the_service")
        + tests_in("unit/client/test_checks", "test_client_and_service_take_the_same_reports"),
    ),
    "client.same-ids": Promise(
        "A retry carries the same report ids.", tests_in("integration/test_client", "test_a_retry_carries_the_same_ids")
    ),
}
