"""What may go wrong around a line beside plain kills and networks, and what is promised of it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "faults.crash-points": Promise(
        "A worker killed in start-up, rebalance, a flush, a Delta commit or an offset commit changes no number.",
        tests_in(
            "chaos/test_crash_points",
            "test_a_worker_killed_at_each_place_changes_no_number",
            "test_every_place_has_its_turn",
        ),
    ),
    "faults.maintenance-killed": Promise(
        "`kill -9` of compaction, maintenance or roll-up beside ingest costs no report; the next round goes through.",
        tests_in("chaos/test_crash_points", "test_compaction_and_roll_up_killed_beside_ingest_cost_nothing"),
    ),
    "faults.rebalances": Promise(
        "Workers that join and leave under load, by SIGTERM or by `kill -9`, change no number.",
        tests_in("chaos/test_rebalances", "test_workers_that_join_and_leave_under_load_change_no_number"),
    ),
    "faults.server-killed": Promise(
        "A report posted again with its id after the server was killed counts once, and the server's board comes back.",
        tests_in(
            "chaos/test_server_killed",
            "test_reports_posted_to_a_server_that_is_killed_count_once_and_its_board_comes_back",
        ),
    ),
    "faults.lost-acknowledgements": Promise(
        "A report that is sent again because its acknowledgement was lost counts once.",
        tests_in("chaos/test_producers", "test_reports_whose_acknowledgement_was_lost_count_once"),
    ),
    "faults.too-large": Promise(
        "A record too large is refused to its producer, by its client or by Kafka, and costs no other report.",
        tests_in("chaos/test_producers", "test_a_record_too_large_is_refused_to_its_producer_and_costs_no_other"),
    ),
    "faults.transactions": Promise(
        "Reports of aborted transactions never count; those of committed ones count once.",
        tests_in("chaos/test_producers", "test_reports_of_aborted_transactions_never_count"),
    ),
    "faults.clock": Promise(
        "A worker whose clock is an hour ahead or behind counts every report, also those 48 hours late.",
        tests_in(
            "chaos/test_clock",
            "test_a_worker_whose_clock_is_an_hour_off_counts_every_report",
            "test_reports_up_to_two_days_late_count_in_their_own_time",
        ),
    ),
    "faults.repeated-batches": Promise(
        "A batch that a producer sends again counts once within the window, across a killed worker too; later, twice.",
        tests_in(
            "chaos/test_clock",
            "test_batches_that_come_again_within_the_window_count_once",
            "test_a_batch_that_comes_again_after_the_window_counts_twice",
        ),
    ),
    "faults.upgrade": Promise(
        "State of the layout before is taken over; that of a later one is refused, with what to do.",
        tests_in(
            "chaos/test_upgrade",
            "test_state_of_the_layout_before_is_taken_over",
            "test_state_of_a_later_layout_is_refused_with_what_to_do",
        ),
    ),
}
