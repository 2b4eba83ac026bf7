"""Memory of a worker: what it takes for state that nobody touches, and that it stays exact."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "memory.closed-panes": Promise(
        "Panes that nothing touches are held once, as their bytes in the changelog: below 24 bytes a row of sparse "
        "traffic.",
        tests_in(
            "unit/streams/test_books",
            "test_a_state_costs_some_bytes_a_pane_row_once_it_is_quiet",
            "test_a_block_that_a_whole_flush_interval_left_alone_is_closed",
            "test_a_block_is_closed_without_a_flush_where_nothing_comes_any_more",
        ),
    ),
    "memory.open-panes": Promise(
        "An open pane block takes memory for the rows that hold something; where many are open, those are closed that "
        "nothing asked for since all that was sent of them arrived.",
        tests_in(
            "unit/scoring/test_book",
            "test_rows_that_hold_nothing_take_four_bytes",
            "test_where_many_rows_are_open_what_is_settled_may_be_closed",
        )
        + tests_in(
            "unit/streams/agents/test_fold_memory",
            "test_what_is_closed_because_much_is_open_gets_where_it_should_after_failures",
            "test_what_was_sent_during_a_flush_and_got_lost_is_sent_again_where_much_is_open",
        ),
    ),
    "memory.fetched": Promise(
        "What waits on the broker stays there while a worker holds enough that it has not taken up.",
        tests_in("unit/streams/test_chunks", "test_a_partition_of_which_enough_waits_is_left_on_the_broker"),
    ),
    "memory.unflushed": Promise(
        "A worker reads no more while 128 MiB wait for a flush: reports for the lake, and unusable messages.",
        tests_in(
            "unit/streams/agents/test_fold_memory",
            "test_reading_waits_while_many_bytes_wait_for_the_lake",
            "test_reading_waits_while_many_bytes_of_rejects_wait",
            "test_small_rejects_count_for_what_sending_them_takes",
        ),
    ),
    "memory.errors": Promise(
        "What is wrong with a message is kept without the frames in which it was found, which held all that was read.",
        tests_in("unit/streams/test_wire", "test_a_message_that_cannot_be_used_leaves_nothing_for_the_collector"),
    ),
    "memory.fetches": Promise(
        "What was fetched from the broker is freed as soon as its records were taken.",
        tests_in("unit/streams/test_runs", "test_what_was_taken_is_freed_without_the_collector"),
    ),
    "memory.changed-panes": Promise(
        "Changed panes of many partitions are sent one partition after the other.",
        tests_in("unit/streams/agents/test_fold_memory", "test_many_changed_panes_are_sent_a_partition_at_a_time"),
    ),
    "memory.late-reports": Promise(
        "A report that comes late for panes held as bytes opens them again, and nothing of them is lost or sent twice.",
        tests_in("unit/streams/test_books", "test_what_was_closed_is_not_sent_again_but_what_comes_late_for_it_is")
        + tests_in("unit/scoring/test_book", "test_a_closed_block_is_opened_by_what_comes_late"),
    ),
    "memory.libraries": Promise(
        "A worker does not load pandas where it is installed, nor sparse matrices, which it does not ask for.",
        tests_in(
            "unit/streams/test_unneeded",
            "test_what_is_left_out_is_as_if_it_were_not_installed",
            "test_a_worker_does_not_load_pandas_and_others_may",
            "test_a_worker_loads_no_sparse_matrices",
        ),
    ),
    "memory.pages": Promise(
        "A worker asks for no pages of 2 MiB, which small arrays would make resident where large ones were.",
        tests_in("unit/streams/test_memory", "test_a_worker_asks_for_no_pages_of_2_mib_which_numpy_does"),
    ),
    "memory.orders": Promise(
        "Latency counts that a flush put in order are held once when it is over.",
        tests_in("unit/streams/test_books", "test_a_flush_leaves_no_second_copy_of_what_it_read_in_order"),
    ),
    "memory.layouts": Promise(
        "State that versions before wrote is read whatever its layout.",
        tests_in("unit/streams/test_codec", "test_state_that_versions_before_wrote_is_read"),
    ),
}
