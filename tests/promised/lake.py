"""The lake and its verification: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "lake.bad-place": Promise(
        "What is no lake, or is damaged, gets a sentence with the next step.",
        tests_in("unit/analytics/test_lake", "test_what_is_no_lake_is_said_with_the_next_step"),
    ),
    "lake.compact": Promise(
        "`trustscore lake compact` makes fewer files and loses no row.",
        tests_in("unit/analytics/test_compaction", "test_each_day_becomes_one_file_and_no_row_is_lost"),
    ),
    "lake.compact-live": Promise(
        "Compaction beside a writing process loses and doubles nothing.",
        tests_in("unit/analytics/test_compaction", "test_nothing_is_lost_or_doubled_beside_a_process_that_writes"),
    ),
    "lake.compact-twice": Promise(
        "Two compactions at once keep each row once.",
        tests_in(
            "unit/analytics/test_compaction", "test_of_two_compactions_at_once_both_end_and_each_row_is_there_once"
        ),
    ),
    "lake.damaged-file": Promise(
        "A truncated file is named.",
        tests_in("unit/analytics/test_lake", "test_a_truncated_file_is_named_with_the_next_step"),
    ),
    "lake.empty": Promise(
        "A table nobody wrote to is an empty view with its columns.",
        tests_in("unit/analytics/test_lake", "test_views_have_the_columns_and_types_of_the_tables"),
    ),
    "lake.exactly-once": Promise(
        "Transaction ids survive compaction; a replay adds nothing.",
        tests_in("unit/analytics/test_compaction", "test_transactions_of_writers_survive_and_a_replay_stays_out"),
    ),
    "lake.files": Promise(
        "The log says of a file what is in it: rows, bounds, numbers of nulls; commits are checkpointed.",
        tests_in(
            "unit/streams/test_delta_files",
            "test_rows_read_back_as_they_were_and_lie_within_what_the_log_says",
            "test_the_log_says_what_deltalake_would_say",
            "test_a_long_text_is_no_bound",
            "test_what_a_sink_wrote_often_has_a_checkpoint",
        ),
    ),
    "lake.frames": Promise(
        "The same query gives Arrow, pandas or polars.",
        tests_in("unit/analytics/test_lake", "test_arrow_pandas_and_polars_get_the_same_rows"),
    ),
    "lake.history": Promise(
        "A history from the lake counts what the reports say, per minute, hour and day.",
        tests_in("unit/analytics/test_queries", "test_history_counts_what_the_reports_say"),
    ),
    "lake.panes-summed": Promise(
        "A pane is the sum of its increments, histogram included.",
        tests_in("unit/analytics/test_lake", "test_panes_add_up_the_increments_of_all_partitions"),
    ),
    "lake.refresh": Promise(
        "Views see what was committed since, when refreshed.",
        tests_in("unit/analytics/test_lake", "test_refresh_shows_what_was_committed_since"),
    ),
    "lake.rejects": Promise(
        "What cannot be used is in the lake with its reason and bytes.",
        tests_in("unit/analytics/test_queries", "test_rejects_are_listed_newest_first_with_their_bytes"),
    ),
    "lake.snapshot": Promise(
        "`trustscore lake snapshot` writes one DuckDB file with all of it.",
        tests_in("unit/analytics/test_snapshot", "test_every_table_holds_the_rows_of_its_view"),
    ),
    "lake.snapshot-atomic": Promise(
        "Readers of a snapshot see the old file or the new one; a failure leaves the old one.",
        tests_in("unit/analytics/test_snapshot", "test_a_failure_leaves_the_old_file_and_nothing_else"),
    ),
    "lake.snapshot-refuses": Promise(
        "A file that is no DuckDB file is only overwritten by --force.",
        tests_in("unit/analytics/test_snapshot", "test_a_file_that_is_no_database_is_only_overwritten_by_force"),
    ),
    "lake.totals": Promise(
        "SQL in DuckDB gives the same totals as the reports.",
        tests_in("unit/analytics/test_queries", "test_totals_are_those_of_the_reports"),
    ),
    "lake.views": Promise(
        "A notebook user queries reports, panes and scores with SQL.",
        tests_in("unit/analytics/test_lake", "test_every_report_and_reject_is_a_row"),
    ),
    "verify.bit-for-bit": Promise(
        "`trustscore verify` recomputes panes and scores from reports and finds them equal bit for bit.",
        tests_in("unit/analytics/test_verify", "test_panes_and_scores_come_out_equal_bit_for_bit"),
    ),
    "verify.duplicates": Promise(
        "A report that is there twice is named.",
        tests_in("unit/analytics/test_verify", "test_a_report_that_is_there_twice_is_named_and_changes_the_counts"),
    ),
    "verify.every-score": Promise(
        "Every score ever emitted comes out equal.",
        tests_in("unit/analytics/test_verify", "test_every_score_ever_emitted_comes_out_equal"),
    ),
    "verify.exit-two": Promise(
        "Nothing to verify is exit code 2 with a sentence.",
        tests_in("unit/analytics/test_verify", "test_the_command_exits_with_2_where_there_is_nothing_to_verify"),
    ),
    "verify.pane-named": Promise(
        "A sum off by one is named, exit code 1.",
        tests_in("unit/analytics/test_verify", "test_the_command_names_the_first_differences_and_exits_with_1"),
    ),
    "verify.score-named": Promise(
        "A figure of a score that differs is named.",
        tests_in("unit/analytics/test_verify", "test_a_figure_of_a_score_that_differs_is_named"),
    ),
}
