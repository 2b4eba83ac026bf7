"""Resistance to lies: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

_ROBUST: Final = "unit/scoring/test_robust"
_GUARD: Final = "unit/benchmarks/test_attacks"
_ATTACKS: Final = "unit/analytics/attacks/test_kinds"

PROMISES: Final[dict[str, Promise]] = {
    "attacks.anchors": Promise(
        "Probes, receipts and later truth raise a reporter's weight, and find the rate where nearly all share a bias.",
        tests_in(
            _ROBUST,
            "test_each_kind_of_anchor_finds_the_rate_where_nearly_all_share_a_bias",
            "test_anchors_shield_from_doubt",
        ),
    ),
    "attacks.asymmetry": Promise(
        "Bad evidence is doubted where it exceeds nature and chance, good evidence only where perfection is a heap.",
        tests_in(
            _ROBUST,
            "test_good_evidence_needs_to_be_nearly_perfect_to_be_doubted_and_bad_does_not",
            "test_better_paths_that_fail_now_and_then_vouch_for_those_that_never_do",
            "test_where_half_of_the_reporters_fare_worse_by_all_degrees_nobody_is_doubted",
        ),
    ),
    "attacks.cap": Promise(
        "However many reports, a reporter has one voice about a provider in a slot.",
        tests_in("unit/scoring/test_outcomes", "test_a_flood_of_reports_in_a_slot_is_one_voice"),
    ),
    "attacks.clean": Promise(
        "Where nobody lies, rates are the plain capped ones; an outage that all see is nobody's lie.",
        tests_in(_ROBUST, "test_honest_reports_give_the_plain_rates", "test_an_outage_that_all_see_is_nobodys_lie")
        + tests_in(_GUARD, "test_clean_rates_are_the_plain_ones"),
    ),
    "attacks.guard": Promise(
        "A fifth of liars of ten kinds, loud or stealthy, moves targets and ranking of a seeded market within bounds.",
        tests_in(
            _GUARD,
            "test_a_fifth_of_liars_moves_little",
            "test_stealthy_liars_move_little",
            "test_capping_alone_does_not_hold_what_is_held_here",
        ),
        "make bench ONLY=attacks",
    ),
    "attacks.lies": Promise(
        "Attacks come from a seed and change nothing that honest reporters said.",
        tests_in(
            _ATTACKS,
            "test_the_honest_say_what_they_said_and_the_seed_decides_the_rest",
            "test_attackers_lie_about_their_targets_only",
        ),
    ),
    "attacks.minority": Promise(
        "Lies of a minority are replaced by what the others saw at that time; when half dissent nobody is doubted.",
        tests_in(
            _ROBUST,
            "test_bad_mouthing_by_a_fifth_is_replaced_by_what_the_others_saw",
            "test_praise_without_a_failure_of_a_poor_provider_is_replaced",
            "test_when_half_dissent_nobody_is_doubted",
        ),
    ),
    "attacks.rings": Promise(
        "Reporters that dissent together are found where they are too few to be seen at one provider.",
        tests_in(_ROBUST, "test_a_ring_too_small_to_contest_a_provider_is_found_over_several"),
    ),
    "attacks.cost": Promise(
        "`trustscore attack-cost` prints how many identities, reports and days move a provider by 0.1, per attack and "
        "per defence, and a test guards the price.",
        (
            *tests_in(
                "unit/analytics/test_attack_cost",
                "test_moving_several_providers_takes_a_quarter_of_all_or_more",
                "test_fresh_identities_do_not_pay",
                "test_a_cost_is_the_least_that_moves_the_targets_so_far",
                "test_every_attack_is_priced_for_every_defence_compared",
            ),
            *tests_in(
                "unit/analytics/cli/test_attack_cost",
                "test_a_file_is_priced_and_json_is_the_only_thing_on_stdout",
                "test_a_person_sees_each_attack_and_defence",
                "test_bad_input_is_refused_with_what_was_wanted",
            ),
        ),
    ),
}
