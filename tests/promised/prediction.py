"""The score as a prediction: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

_SCORING: Final = "unit/scoring/test_prediction"
_CLI: Final = "unit/analytics/cli/test_backtest"

PROMISES: Final[dict[str, Promise]] = {
    "prediction.before": Promise(
        "A prediction knows neither its own outcome nor a later one, and predicting teaches nothing.",
        tests_in(
            _SCORING,
            "test_no_prediction_knows_its_outcome_or_a_later_one",
            "test_predicting_teaches_nothing_and_state_survives_pickling",
        ),
    ),
    "prediction.better": Promise(
        "On seeded outages of providers and of pairs it beats every baseline and is calibrated.",
        tests_in(_SCORING, "test_it_beats_every_baseline_and_is_calibrated"),
    ),
    "prediction.latency": Promise(
        "Nine in ten latencies lie between the 5 % and 95 % quantiles that were predicted.",
        tests_in(_SCORING, "test_nine_in_ten_latencies_lie_between_their_quantiles"),
    ),
    "prediction.rate-intervals": Promise(
        "The success rate of a provider's next calls lies within its 90 % interval nine times in ten, at a level that "
        "follows what the provider's intervals covered; no interval knows what comes.",
        tests_in(
            "unit/scoring/test_stretches",
            "test_nine_in_ten_rates_lie_within_their_intervals_at_every_provider",
            "test_a_level_that_does_not_move_covers_less",
            "test_no_interval_knows_what_comes",
        ),
        command="make bench ONLY=truth",
    ),
    "prediction.sick-reporter": Promise(
        "A reporter whose network fails moves no provider's score by more than 0.02; a provider that is down loses it.",
        tests_in(
            _SCORING,
            "test_a_reporter_whose_network_fails_moves_no_score_by_more_than_two_hundredths",
            "test_a_provider_that_is_down_for_everybody_loses_its_score",
        ),
    ),
    "prediction.facets": Promise(
        "Task and region of a call matter where they are stated.",
        tests_in(_SCORING, "test_task_matters_and_unknown_latencies_are_no_harm"),
    ),
    "prediction.backtest": Promise(
        "`trustscore backtest` replays reports in event-time order and measures it beside simple baselines.",
        tests_in(
            _CLI,
            "test_out_holds_a_row_for_each_prediction",
            "test_a_person_sees_measures_baselines_and_the_diagram",
            "test_json_is_the_only_thing_on_stdout",
            "test_reports_of_other_formats_are_sorted_by_event_time",
            "test_bad_input_is_refused_with_what_was_wanted",
        ),
    ),
    "prediction.measured": Promise(
        "`make bench ONLY=truth` measures the prediction against its targets, beside every baseline.",
        tests_in(
            "unit/benchmarks/test_truth",
            "test_rows_state_targets_for_the_callers_prediction_alone",
            "test_coverage_counts_as_missed_by_how_far_it_is_outside",
        ),
    ),
}
