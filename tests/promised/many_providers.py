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
}
