"""The mathematics of the scores: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "scores.batch-bits": Promise(
        "A provider has the same bits alone and in a batch.",
        tests_in("laws/test_scoring_laws", "test_an_entity_has_the_same_bits_alone_and_in_a_batch"),
    ),
    "scores.confidence": Promise(
        "Confidence follows effective reports.",
        tests_in("unit/scoring/test_flags", "test_confidence_rises_with_effective_reports"),
    ),
    "scores.contributions-exact": Promise(
        "Contributions and adjustment add up exactly to the score, in any order.",
        tests_in("laws/test_scoring_laws", "test_contributions_add_up_exactly"),
    ),
    "scores.dimensions": Promise(
        "Every dimension is the weighted mean of what single reports earn.",
        tests_in("unit/scoring/test_dimensions", "test_a_dimension_is_the_weighted_mean_of_what_single_reports_earn"),
    ),
    "scores.explore-share": Promise(
        "Exactly the stated share of calls explores.",
        tests_in("unit/scoring/test_ranking", "test_exactly_the_stated_share_of_calls_explores"),
    ),
    "scores.few-do-not-outrank-many": Promise(
        "One of one does not outrank 300 of 302.",
        tests_in("unit/scoring/test_trust", "test_one_of_one_does_not_outrank_300_of_302"),
    ),
    "scores.flags": Promise(
        "Every flag can be raised.", tests_in("unit/scoring/test_flags", "test_every_flag_can_be_raised")
    ),
    "scores.further-dimensions": Promise(
        "The four further dimensions weigh nothing until switched on.",
        tests_in("unit/scoring/test_weights", "test_a_further_dimension_can_be_switched_on"),
    ),
    "scores.intervals": Promise(
        "Intervals of 90 % agree with scipy.stats.",
        tests_in("unit/scoring/test_bounds", "test_jeffreys_interval_agrees_with_scipy_stats"),
    ),
    "scores.monotone": Promise(
        "A success in place of a failure never lowers reliability or trust.",
        tests_in("laws/test_scoring_laws", "test_a_success_in_place_of_a_failure_never_lowers_reliability_or_trust"),
    ),
    "scores.own-z": Promise(
        "Z-scores against the own baseline are robust and null when too few.",
        tests_in("unit/scoring/test_anomalies", "test_z_score_is_the_robust_one_of_the_book"),
    ),
    "scores.own-z-constant": Promise(
        "A constant baseline gives a finite z-score.",
        tests_in("unit/scoring/test_anomalies", "test_a_constant_baseline_gives_a_finite_score_by_the_floor"),
    ),
    "scores.peer-count": Promise(
        "Five others are enough and four are not.",
        tests_in("unit/scoring/test_peers", "test_five_others_are_enough_and_four_are_not"),
    ),
    "scores.peer-z": Promise(
        "Peers are all others of the group, null under five.",
        tests_in("unit/scoring/test_peers", "test_everyone_is_compared_with_all_others_and_not_with_itself"),
    ),
    "scores.quantiles": Promise(
        "Latency quantiles are within 1 %.", tests_in("laws/test_scoring_laws", "test_quantiles_are_within_one_percent")
    ),
    "scores.rank": Promise(
        "Ranking is by the lower bound.", tests_in("unit/scoring/test_ranking", "test_order_is_by_lower_bound")
    ),
    "scores.raw-figures": Promise(
        "Raw figures carry units and agree with plain arithmetic.",
        tests_in("unit/scoring/test_figures", "test_a_raw_figure_is_what_plain_arithmetic_gives"),
    ),
    "scores.raw-units": Promise(
        "Every dimension has raw figures and every figure its unit.",
        tests_in("unit/scoring/test_figures", "test_every_dimension_has_figures_and_every_figure_its_unit"),
    ),
    "scores.recent-failure": Promise(
        "During an outage the success probability is that of now.",
        tests_in("unit/scoring/test_trust", "test_during_an_outage_the_success_probability_is_that_of_now"),
    ),
    "scores.regime-flags": Promise(
        "Each regime raises its flag.", tests_in("unit/scoring/test_trust", "test_each_regime_raises_its_flag")
    ),
    "scores.regimes": Promise(
        "After an hour, flapping and outage lie below every healthy provider.",
        tests_in("unit/scoring/test_trust", "test_after_an_hour_flapping_and_outage_lie_below_every_healthy_provider"),
    ),
    "scores.restated": Promise(
        "Score and interval agree with an independent restatement.",
        tests_in("unit/scoring/test_trust", "test_the_score_agrees_with_its_restatement"),
    ),
    "scores.unknown-is-null": Promise(
        "No evidence is not a number: an unknown provider has null everywhere and one flag.",
        tests_in("unit/scoring/test_trust", "test_an_unknown_provider_is_said_plainly"),
    ),
    "scores.unknown-last": Promise(
        "Unknown providers stand last, whatever the call explores.",
        tests_in("unit/scoring/test_ranking", "test_unknown_never_above_known_good_whatever_the_call"),
    ),
    "scores.unknown-never-outranks": Promise(
        "An unknown provider never outranks 30 of 30.",
        tests_in("unit/scoring/test_trust", "test_an_unknown_provider_never_outranks_thirty_of_thirty"),
    ),
}
