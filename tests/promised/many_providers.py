"""A worker that holds many providers: what its stop takes, and what it gives back."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "size.stop": Promise(
        "A worker that stops scores everyone who waits for up to three seconds; whoever is left is scored by the next "
        "owner of the partition, who scores all.",
        tests_in(
            "unit/streams/agents/test_score_loop",
            "test_at_the_end_everyone_who_waits_is_scored_also_who_was_a_moment_ago",
            "test_who_is_not_scored_in_time_at_the_end_is_by_the_next_owner",
        ),
    ),
    "size.given-back": Promise(
        "Memory that a worker has freed goes back to the system, where the C library is glibc.",
        tests_in(
            "unit/streams/test_memory",
            "test_large_arrays_go_back_to_the_system_when_they_are_freed",
            "test_free_pages_between_what_is_held_go_back_to_the_system",
            "test_what_arrow_holds_on_to_goes_back_to_the_system",
        ),
    ),
    "size.histograms": Promise(
        "A latency histogram takes pages of 32 buckets where something fell, and none once empty; it counts "
        "what a dense one does.",
        tests_in(
            "unit/scoring/test_sketches",
            "test_pages_hold_what_a_dense_array_would",
            "test_what_comes_and_goes_leaves_no_page",
            "test_latencies_that_lie_close_together_share_pages",
        ),
    ),
    "size.names": Promise(
        "A flush waits once for all new names, not for one part of them after the other; names of a flush that was "
        "broken off never come back.",
        tests_in(
            "unit/streams/test_table_names",
            "test_all_names_wait_for_one_answer",
            "test_names_behind_a_part_that_never_arrived_do_not_count",
            "test_names_of_a_flush_that_was_broken_off_never_come_back",
            "test_names_that_rows_rest_on_are_never_deleted",
        ),
    ),
    "size.unstated": Promise(
        "Statistics that no report states take no memory in open panes.",
        tests_in("unit/scoring/test_book", "test_statistics_that_nobody_states_take_no_memory"),
    ),
    "size.slow-flush": Promise(
        "Where flushes are slow, reading waits for them: no flush takes up more than 200,000 reports or what one "
        "writes in thirty seconds.",
        tests_in("unit/streams/agents/test_fold_loop", "test_reading_waits_for_a_flush_that_is_slow"),
    ),
}
