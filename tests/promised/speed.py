"""Speed of a whole service: what is measured and against which target, and the tests that keep the measurement."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "speed.catch-up": Promise(
        "Start, catch-up after two million missed reports, and the mark on answers meanwhile are measured.",
        tests_in(
            "unit/benchmarks/test_life",
            "test_a_rate_is_what_was_folded_between_the_first_sample_and_the_last",
            "test_the_share_of_stale_answers_is_of_those_asked_and_answered_while_behind",
            "test_a_server_that_was_not_asked_is_no_result",
        ),
        command="make bench ONLY=life",
    ),
    "speed.history": Promise(
        "Checks, rankings, a provider's history and a question nobody foresaw are timed over a lake of 100 million.",
        tests_in("unit/benchmarks/support/test_full_lake", "test_panes_are_of_all_reports_however_few_are_kept"),
        command="make bench ONLY=history",
    ),
    "speed.latency": Promise(
        "The time from a report to its effect in trustscore_check is measured while 20,000 a second are offered.",
        tests_in(
            "unit/benchmarks/support/test_load",
            "test_a_report_that_is_offered_is_one_the_service_takes",
            "test_a_provider_has_one_partition",
        ),
        command="make bench ONLY=latency",
    ),
    "speed.memory": Promise(
        "Memory of a worker is measured after 90 days of 10,000 providers, and after ten million further reports.",
        tests_in(
            "unit/benchmarks/support/test_timeline",
            "test_event_times_ascend_evenly_and_ids_are_distinct",
            "test_panes_are_counted_for_each_length_and_facet",
        ),
        command="make bench ONLY=memory",
    ),
}
