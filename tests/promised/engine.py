"""The engine's measurement: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "engine.backlog": Promise(
        "The backlog that is measured ascends in event time, but for seconds and one late report in a hundred.",
        tests_in(
            "unit/benchmarks/peers/test_backlog",
            "test_event_times_ascend_but_for_seconds_and_one_in_a_hundred_is_late",
            "test_every_report_has_an_id_of_its_own",
            "test_every_report_of_a_backlog_is_one_the_service_takes",
            "test_arrow_messages_hold_the_same_reports_as_json_messages",
        ),
    ),
    "engine.beside-kafka-streams": Promise(
        "Two workers fold and score JSON reports at 1.6 times the rate of Kafka Streams with two threads.",
        command="make bench ONLY=engine",
    ),
    "engine.paired": Promise(
        "Kafka Streams runs right before and right after each JSON row, and the ratio is to the mean of the two.",
        tests_in(
            "unit/benchmarks/test_engine",
            "test_kafka_streams_runs_right_before_and_right_after_each_row_of_ours",
            "test_without_maven_ours_are_measured_and_their_ratio_is_not_known",
        ),
    ),
    "engine.peers-count": Promise(
        "A peer that does not count every report once is no result.",
        tests_in("integration/test_backlog", "test_a_peer_counts_the_backlog_and_another_number_is_no_result")
        + tests_in(
            "unit/benchmarks/peers/test_peer",
            "test_a_peer_that_counts_one_too_few_is_no_result",
            "test_a_peer_that_says_something_else_fails_with_what_it_said",
        ),
    ),
    "engine.shapes": Promise(
        "A hot provider, missing keys, many providers or many tasks and regions are compared with the even case.",
        tests_in("unit/benchmarks/test_engine", "test_a_shape_is_compared_with_the_even_case_of_the_same_run")
        + tests_in(
            "unit/benchmarks/peers/test_backlog",
            "test_a_hot_provider_has_nine_reports_in_ten_in_one_partition_or_dealt_out",
            "test_a_shape_has_the_tasks_and_regions_it_says",
        ),
    ),
    "engine.target-ratios": Promise(
        "A target on the ratio is judged by the ratio, and by nothing when the peer did not run.",
        tests_in(
            "unit/benchmarks/test_harness",
            "test_a_target_on_the_ratio_is_judged_by_the_ratio",
            "test_a_target_on_the_ratio_is_neither_met_nor_missed_when_the_peer_did_not_run",
        ),
    ),
}
