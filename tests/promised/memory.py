"""Memory of a worker: what it takes for state that nobody touches, and that it stays exact."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "memory.closed-panes": Promise(
        "Panes that nothing touches are held once, as their bytes in the changelog: below 24 bytes a row of sparse "
        "traffic.",
        tests_in(
            "unit/streams/test_tables",
            "test_a_state_costs_some_bytes_a_pane_row_once_it_is_quiet",
            "test_a_block_that_a_whole_flush_interval_left_alone_is_closed",
            "test_a_block_is_closed_without_a_flush_where_nothing_comes_any_more",
        ),
    ),
    "memory.late-reports": Promise(
        "A report that comes late for panes held as bytes opens them again, and nothing of them is lost or sent twice.",
        tests_in("unit/streams/test_tables", "test_what_was_closed_is_not_sent_again_but_what_comes_late_for_it_is")
        + tests_in("unit/scoring/test_book", "test_a_closed_block_is_opened_by_what_comes_late"),
    ),
    "memory.layouts": Promise(
        "State that versions before wrote is read whatever its layout.",
        tests_in("unit/streams/test_codec", "test_state_that_versions_before_wrote_is_read"),
    ),
}
