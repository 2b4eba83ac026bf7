"""Predictions and credibility in the service: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

_ROLLING: Final = "unit/scoring/test_rolling"
_HEARD: Final = "unit/analytics/test_heard"
_FORESIGHT: Final = "unit/analytics/test_foresight"
_SERVICE: Final = "integration/test_prediction"

PROMISES: Final[dict[str, Promise]] = {
    "caller.answer": Promise(
        "`trustscore_check` takes an optional reporter, region and task and answers for that caller, beside the "
        "general score: chance and latency of its next call, alike over MCP, REST and the command line.",
        tests_in(
            _SERVICE,
            "test_a_reporter_is_answered_for_itself_beside_the_general_score",
            "test_all_surfaces_give_the_same_prediction",
        )
        + tests_in(_ROLLING, "test_a_caller_is_told_its_own_chances")
        + tests_in(_FORESIGHT, "test_check_holds_a_prediction_only_for_a_caller_that_says_something_of_itself"),
    ),
    "caller.reasons": Promise(
        "A prediction for a caller says in words what it rests on, with counts, and what each kind of evidence adds to "
        "its log odds; these add up exactly.",
        tests_in(
            _ROLLING,
            "test_what_a_forecast_rests_on_is_counted",
            "test_parts_add_up_to_the_log_odds",
            "test_a_stranger_is_taken_as_usual_and_a_sick_one_knows_a_stranger_to_fail",
        )
        + tests_in(
            _FORESIGHT,
            "test_reasons_say_the_chance_what_is_known_of_each_and_what_limits_it",
            "test_what_is_not_known_is_said",
            "test_one_call_is_not_many",
        ),
    ),
    "caller.restart": Promise(
        "A restarted server learns its predictions from what Kafka holds; without Kafka the lake's "
        "last reports predict.",
        tests_in(
            _SERVICE,
            "test_it_begins_with_what_kafka_holds_and_hears_what_comes",
            "test_without_a_server_the_lake_predicts",
        )
        + tests_in(_FORESIGHT, "test_it_begins_with_the_last_reports_and_goes_on_where_it_stopped")
        + tests_in(_HEARD, "test_the_lakes_last_reports_are_heard_oldest_first"),
    ),
    "caller.bounded": Promise(
        "What a server remembers of callers is bounded, also when they make up names; it can be switched off.",
        tests_in(
            _ROLLING,
            "test_made_up_callers_do_not_let_it_grow",
            "test_what_was_learned_survives_a_new_beginning",
        )
        + tests_in(_FORESIGHT, "test_switched_off_or_without_anything_heard_there_is_no_prediction"),
    ),
    "caller.hears": Promise(
        "The server hears of every report what a worker would take, JSON or Arrow, and a report id once.",
        tests_in(
            _HEARD,
            "test_a_report_is_heard_with_who_where_and_how_long",
            "test_what_a_worker_would_reject_is_left_out",
            "test_rows_of_an_arrow_message_are_heard_one_by_one",
            "test_a_report_id_counts_once_for_its_provider_and_reporter",
        ),
    ),
    "caller.same-code": Promise(
        "The service predicts with the predictor of `trustscore backtest`, in coarser steps that cost little accuracy.",
        tests_in(
            _ROLLING,
            "test_it_predicts_what_a_predictor_of_numbers_predicts",
            "test_coarse_steps_cost_little",
        ),
        command="make bench ONLY=truth",
    ),
    "networks.regimes": Promise(
        "NetMCP's five network states (ideal, fluctuating, outage, high latency, high jitter) are regimes of the "
        "simulator.",
        tests_in(
            "unit/analytics/simulator/test_traffic",
            "test_network_states_show_in_latency_and_time_outs",
            "test_a_fluctuating_network_fails_at_its_crest_only",
            "test_a_network_outage_takes_nearly_every_call_of_some_minutes_and_none_else",
        )
        + tests_in(
            "unit/analytics/simulator/test_fleet",
            "test_networks_are_simulated_only_where_asked_for",
        ),
    ),
    "networks.truth": Promise(
        "Over these states together, and in each of them, the prediction has a lower Brier score than every "
        "baseline. Routing by it has less than half of the raw rate's regret.",
        tests_in(
            "unit/benchmarks/test_truth",
            "test_in_each_network_state_and_over_all_the_prediction_is_set_beside_the_best_baseline",
            "test_other_seeds_give_the_mean_ratio_to_the_best_baseline_of_each_and_the_coverage_over_them",
            "test_without_a_file_only_networks_are_measured_and_a_missing_one_fails",
        ),
        command="make bench ONLY=truth",
    ),
    "weights.fit": Promise(
        "`trustscore weights fit` learns dimension weights from outcomes (next calls that succeed within a latency "
        "target) with regularisation towards those in use, and shows the gain on later calls before anyone "
        "adopts them.",
        tests_in(
            "unit/scoring/test_weight_fit",
            "test_true_weights_are_found_from_enough_outcomes",
            "test_few_outcomes_or_a_strong_pull_leave_the_weights_in_use",
            "test_a_dimension_without_evidence_keeps_its_weight_and_none_falls_below_a_tenth",
            "test_a_gain_is_measured_on_later_moments_than_it_was_learned_from",
            "test_where_the_weights_in_use_are_true_there_is_no_gain",
            "test_what_holds_first_and_not_later_is_no_gain",
            "test_samples_hold_the_windows_before_a_moment_and_the_calls_until_the_next",
        )
        + tests_in(
            "unit/analytics/cli/test_weights",
            "test_learned_weights_and_their_gain_are_printed_and_written",
            "test_json_says_what_was_learned_from_how_much_and_what_it_gains",
            "test_a_strong_pull_keeps_the_weights_in_use",
            "test_a_slow_success_is_not_a_good_call",
        ),
    ),
    "reporters.published": Promise(
        "`trustscore reporters weigh` publishes a weight for each reporter with its reasons on `trust.reporters`, only "
        "what changed; the server answers it over REST, MCP and the command line.",
        tests_in(
            "integration/test_reporters",
            "test_weights_go_from_the_lake_over_kafka_to_the_server",
        )
        + tests_in(
            "unit/analytics/test_reporters",
            "test_every_named_reporter_of_the_window_is_weighed",
            "test_only_the_window_counts",
            "test_what_is_published_goes_before_what_the_lake_says",
            "test_rest_and_words_say_what_a_reporter_counts",
        )
        + tests_in(
            "unit/analytics/test_mcp_server",
            "test_a_reporter_is_a_resource_with_what_its_reports_count",
        )
        + tests_in(
            "unit/scoring/test_reporters",
            "test_liars_count_less_with_the_reason_and_honest_reporters_whole",
            "test_a_ring_shares_its_weight_and_is_named",
            "test_nobody_counts_nothing_or_more_than_once",
        ),
    ),
    "reporters.in-the-fold": Promise(
        "With TRUSTSCORE_WEIGH_REPORTERS=true of each reporter the share of its reports counts that `trust.reporters` "
        "gives it; the others are rejects with their reason, and `verify` finds no difference.",
        tests_in(
            "integration/test_reporters",
            "test_the_fold_counts_of_a_doubted_reporter_its_share_and_the_rest_are_rejects",
        )
        + tests_in(
            "unit/streams/steps/test_sifting",
            "test_of_a_doubted_reporter_its_share_counts_and_of_others_all",
            "test_a_report_read_again_is_judged_alike_whatever_stands_beside_it",
        )
        + tests_in(
            "unit/streams/test_doubts",
            "test_what_does_not_count_is_a_reject_with_its_bytes_and_the_reason",
            "test_a_row_of_an_arrow_message_is_a_reject_of_its_own",
            "test_only_who_counts_less_than_whole_is_remembered_and_the_last_word_holds",
        ),
    ),
    "caller.speed": Promise(
        "A server that learns to predict at its default rate leaves a worker beside it at least 0.8 of its rate.",
        tests_in("unit/benchmarks/test_prediction", "test_a_forecast_is_timed_over_what_was_learned"),
        command="make bench ONLY=prediction",
    ),
    "explain.rows": Promise(
        "Contributions of an explanation add up exactly, each with its count, a sentence, and the SQL for the very "
        "rows of the lake behind it.",
        tests_in(
            "unit/analytics/test_evidence_rows",
            "test_the_rows_of_an_explanation_are_those_it_counts",
            "test_contributions_and_the_evidence_adjustment_add_up_exactly",
        ),
    ),
}
