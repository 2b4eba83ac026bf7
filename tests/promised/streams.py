"""Reports, panes and the worker: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

_KILLED: Final = "test_a_worker_killed_again_and_again_loses_and_doubles_nothing"
_ROWS: Final = "test_reports_become_rows_and_scores_and_what_is_none_becomes_a_reject"

PROMISES: Final[dict[str, Promise]] = {
    "reports.arrow": Promise(
        "Arrow and JSON of the same reports are the same rows.",
        tests_in("unit/streams/test_wire", "test_arrow_and_json_of_the_same_reports_give_equal_tables"),
    ),
    "reports.damaged-arrow": Promise(
        "A damaged Arrow message is refused or read, and never worse.",
        tests_in("unit/streams/test_arrow_wire", "test_a_damaged_message_is_refused_or_read_and_never_worse"),
    ),
    "reports.fault-sentence": Promise(
        "A refusal names the field, the report, what was wanted, what came and the next step.",
        tests_in(
            "unit/scoring/test_reports",
            "test_the_sentence_names_the_report_what_was_wanted_and_the_next_step",
            "test_a_value_that_does_not_fit_is_refused_with_its_field",
        ),
    ),
    "reports.json-mixture": Promise(
        "Of any mixture of good and bad messages the good ones come in order, the bad ones as rejects with a reason.",
        tests_in("unit/streams/test_wire", "test_a_mixture_gives_the_good_ones_in_order_and_a_reject_for_each_bad_one")
        + tests_in("unit/streams/test_json_wire", "test_any_mixture_gives_what_one_by_one_gives"),
    ),
    "reports.one-message-one-report": Promise(
        "A JSON message is one report: two in one, or one over two, are none.",
        tests_in("unit/streams/test_json_wire", "test_reports_that_cross_messages_are_none"),
    ),
    "reports.time-bounds": Promise(
        "A report over 5 minutes ahead of the broker's clock or over 90 days old is rejected with the reason.",
        tests_in("unit/streams/test_wire", "test_a_report_is_measured_by_the_time_its_record_reached_the_broker")
        + tests_in("integration/test_worker", _ROWS),
    ),
    "reports.unknown-fields": Promise(
        "Unknown fields are kept in details.",
        tests_in("unit/scoring/test_reports", "test_unknown_fields_are_kept_in_details")
        + tests_in("unit/streams/test_arrow_wire", "test_unknown_columns_are_kept_in_details"),
    ),
    "panes.exact": Promise(
        "Panes equal counting one report after the other, bit for bit.",
        tests_in("unit/scoring/test_panes", "test_panes_equal_counting_one_report_after_the_other")
        + tests_in("unit/streams/steps/test_fold", "test_a_book_equals_counting_one_report_after_the_other"),
    ),
    "panes.late": Promise(
        "A late report lands in its own minute.",
        tests_in("unit/streams/steps/test_fold", "test_a_late_report_lands_in_its_own_minute")
        + tests_in("integration/test_worker", _ROWS),
    ),
    "panes.order": Promise(
        "Cuts, replays, interleavings and repeats do not change what is held.",
        tests_in(
            "laws/test_stream_laws",
            "test_any_cut_of_a_run_into_chunks_gives_the_same_book",
            "test_replaying_any_suffix_changes_nothing",
            "test_merging_does_not_depend_on_how_sources_interleave_or_repeat",
        ),
    ),
    "panes.quantiles": Promise(
        "Latency quantiles are within 1 % of the sorted latencies.",
        tests_in(
            "unit/scoring/test_stats",
            "test_quantiles_by_bucket_are_within_one_percent_of_the_sorted_latencies",
        ),
    ),
    "panes.windows": Promise(
        "Rolling windows equal all their panes summed anew, at every moment, forwards and backwards.",
        tests_in(
            "unit/scoring/test_windows",
            "test_windows_equal_all_panes_summed_anew_at_every_moment",
            "test_windows_go_back_when_the_clock_does",
        )
        + tests_in(
            "unit/streams/steps/test_score",
            "test_panes_forgotten_as_of_the_last_score_never_leave_a_window_behind",
        ),
    ),
    "worker.breaker": Promise(
        "A flood of rejects stops the worker, exit code 1, with a sentence, before it drains the topic.",
        tests_in("integration/test_worker", "test_a_flood_of_rejects_stops_the_worker_with_its_sentence"),
    ),
    "worker.crash-law": Promise(
        "Whatever crashes and whatever part of the state was saved, state and scores end as without a crash.",
        tests_in(
            "laws/test_stream_crash_laws",
            "test_whatever_crashes_the_book_and_the_scores_end_as_without",
            "test_long_stories_of_crashes_end_as_without",
            "test_stories_that_once_ended_badly_end_as_without",
        ),
    ),
    "worker.failures": Promise(
        "What fails to be sent, stored or saved is not acknowledged and is done again.",
        tests_in("unit/streams/agents/test_fold_loop", "test_what_fails_is_not_acknowledged_and_done_again")
        + tests_in("unit/streams/agents/test_score_loop", "test_what_fails_is_not_acknowledged_and_said_again"),
    ),
    "worker.kill": Promise(
        "`kill -9` in the middle of the work: lake, panes and scores count every report once, on both brokers.",
        tests_in("integration/test_worker", _KILLED),
    ),
    "worker.lake-once": Promise(
        "Every report is in the lake once, also with a paused worker beside its successor.",
        tests_in(
            "unit/streams/test_delta_sink",
            "test_a_paused_sink_cannot_set_a_partition_back",
            "test_of_two_sinks_that_commit_at_once_the_later_leaves_out_what_came_first",
        )
        + tests_in("unit/streams/test_sinks", "test_sql_over_the_files_gives_the_same_sums"),
    ),
    "worker.no-broker": Promise(
        "A broker that is not there is said with the next step.",
        tests_in("integration/test_worker", "test_a_broker_that_is_not_there_is_said_with_the_next_step"),
    ),
    "worker.report-to-score": Promise(
        "Reports in JSON, keyed or not, and in Arrow become rows and scores; rejects keep bytes, key and headers.",
        tests_in("integration/test_worker", _ROWS),
    ),
    "worker.settings": Promise(
        "All bad settings are said at once, exit code 2.",
        tests_in("unit/streams/test_worker", "test_bad_settings_are_all_said_and_end_with_exit_code_two"),
    ),
    "worker.share": Promise(
        "Two workers share the load; when one dies the other goes on and nothing is lost or doubled.",
        tests_in("integration/test_worker", "test_of_two_workers_that_share_the_load_one_may_die"),
    ),
    "worker.topics": Promise(
        "Topics are made before they are read; those that exist stay as they are.",
        tests_in("integration/test_worker", "test_topics_that_exist_stay_as_they_are"),
    ),
}
