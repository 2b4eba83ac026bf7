"""Processes killed, the network and the messages at their worst: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "chaos.worker-killed": Promise(
        "`kill -9` of a worker at any moment changes no number in state, scores, rejects or lake.",
        tests_in("chaos/test_kills", "test_a_worker_killed_at_any_moment_changes_no_number"),
    ),
    "chaos.some-of-three-killed": Promise(
        "Of three workers one or two may be killed at once: the others go on and every number stays right.",
        tests_in("chaos/test_kills", "test_of_three_workers_one_or_two_may_die_at_once"),
    ),
    "chaos.broker-killed": Promise(
        "`kill -9` of the broker under load loses nothing that it acknowledged.",
        tests_in("chaos/test_broker", "test_a_broker_killed_under_load_loses_nothing_it_acknowledged"),
    ),
    "chaos.network": Promise(
        "Latency, resets, half-open connections, slow reads and partitions of the network change no number.",
        tests_in("chaos/test_network", "test_a_bad_network_changes_no_number"),
    ),
    "chaos.zombie": Promise(
        "A worker paused past its session changes no number when it comes back, also where what it sent lands late.",
        tests_in(
            "chaos/test_zombie",
            "test_a_worker_paused_past_its_session_writes_nothing_over_its_successor",
            "test_state_that_left_a_moment_before_the_pause_and_lands_after_it_is_void",
        ),
    ),
    "chaos.state-whole": Promise(
        "The next owner of a partition reads its state from the start of the changelog up to its own record, whatever "
        "rebalances overtook one another.",
        tests_in(
            "integration/test_log_reader",
            "test_each_partition_is_read_from_its_first_offset_up_to_its_end",
            "test_an_end_that_nothing_reaches_is_told_with_the_place",
        ),
    ),
    "chaos.disk": Promise(
        "While the lake's disk is full, read-only or gone, the worker folds and scores, holds offsets and says so; the "
        "lake is completed afterwards.",
        tests_in(
            "chaos/test_disk",
            "test_a_lake_that_takes_nothing_holds_the_offsets_and_is_completed_when_it_is_back",
            "test_the_full_disk_of_these_tests_is_a_real_one_where_that_is_permitted",
        ),
    ),
    "chaos.lake-rubbish": Promise(
        "A half-written log entry and foreign files in the lake cost no report; the entry is set aside and told.",
        tests_in("chaos/test_disk", "test_a_half_written_log_entry_is_set_aside_and_every_report_is_there_once"),
    ),
    "chaos.poison": Promise(
        "Of fuzzed messages each good one counts, each bad one is kept with its reason, and memory stays flat.",
        tests_in("chaos/test_poison", "test_fuzzed_messages_cost_no_good_report_and_no_memory"),
    ),
    "chaos.object-store": Promise(
        "A lake in an S3 store takes several writers and maintenance at once, and holds every report once.",
        tests_in(
            "chaos/test_object_store",
            "test_two_workers_and_maintenance_share_a_lake_and_every_report_is_in_it_once",
            "test_a_store_that_hangs_is_said_and_everything_is_there_once_it_answers",
        ),
    ),
    "lake.object-store": Promise(
        "A lake in an object store gives the answers of one in a directory, and reads the files a question needs only.",
        tests_in(
            "chaos/test_object_store",
            "test_a_lake_in_a_store_gives_the_answers_of_one_in_a_directory",
            "test_a_question_about_one_day_reads_the_files_of_that_day_only",
            "test_a_store_that_is_not_there_is_said_with_the_next_step",
            "test_the_command_line_takes_an_address",
        ),
    ),
    "worker.repeats": Promise(
        "A report id counts once within the window, whatever crashes and whatever part of the state was saved.",
        tests_in(
            "unit/streams/agents/test_fold_loop",
            "test_a_report_that_comes_again_counts_once_in_panes_and_lake",
            "test_whatever_of_a_flush_was_saved_a_repeat_counts_once_after_a_crash",
            "test_the_secret_that_others_may_have_hidden_is_written_anew_and_ids_need_not_be",
            "test_ids_are_held_while_records_may_be_read_again_that_repeat_them",
            "test_a_window_of_nothing_counts_every_message",
        )
        + tests_in(
            "unit/streams/test_chunks", "test_committed_is_what_the_broker_took_and_is_forgotten_with_the_partition"
        )
        + tests_in(
            "unit/streams/test_table_log",
            "test_ids_that_were_read_or_written_are_held_once",
            "test_ids_are_kept_while_nobody_else_can_have_written",
            "test_ids_that_a_term_before_wrote_late_are_read_and_nothing_else_of_it_is",
            "test_a_worker_that_finds_a_later_term_reads_all_of_that_partition_anew",
        )
        + tests_in("unit/streams/test_id_codec", "test_after_a_change_of_the_window_nothing_is_forgotten_too_early")
        + tests_in(
            "laws/test_duplicates_laws",
            "test_what_counts_does_not_depend_on_chunks_crashes_rebalances_or_what_was_saved",
            "test_what_a_paused_worker_writes_late_takes_nothing_away",
        ),
    ),
}
