"""Credibility of reporters: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

_SCORING: Final = "unit/scoring/test_credibility"
_CLI: Final = "unit/analytics/cli/test_credibility"

PROMISES: Final[dict[str, Promise]] = {
    "credibility.agreement": Promise(
        "Who contradicts independent others is no more credible than any who agrees, with or without tenure.",
        tests_in(
            _SCORING,
            "test_no_liar_is_more_credible_than_an_honest_reporter",
            "test_agreement_is_that_of_a_plain_loop",
        ),
    ),
    "credibility.anchors": Promise(
        "Probes, receipts and outcomes raise a reporter's weight, also where all others share a bias.",
        tests_in(
            _SCORING,
            "test_anchors_find_the_honest_few_where_all_others_share_a_bias",
            "test_each_anchored_agreement_raises_and_each_contradiction_lowers",
        )
        + tests_in(_CLI, "test_anchors_move_a_reporter"),
    ),
    "credibility.asymmetry": Promise(
        "Bad evidence against what others say costs more than good.",
        tests_in(_SCORING, "test_a_lie_downwards_costs_more_than_one_upwards"),
    ),
    "credibility.circles": Promise(
        "Reporters that dissent together count as one.", tests_in(_SCORING, "test_a_circle_counts_as_one")
    ),
    "credibility.command": Promise(
        "`trustscore credibility` writes every reporter with its credibility in [0, 1] and reasons.",
        tests_in(
            _CLI,
            "test_out_holds_every_reporter_with_credibility_and_reasons",
            "test_json_is_the_only_thing_on_stdout",
            "test_a_bad_cell_is_named_by_line_and_column",
        ),
    ),
    "credibility.later": Promise(
        "What others say later counts against an earlier report.",
        tests_in(_SCORING, "test_who_is_only_contradicted_later_is_seen_by_later_truth"),
    ),
    "credibility.measured": Promise(
        "How well it tells fair from unfair on labelled ratings is a printed figure, beside simple baselines.",
        tests_in("unit/benchmarks/test_credibility", "test_rows_state_targets_and_ingredients"),
        "make bench ONLY=credibility",
    ),
}
