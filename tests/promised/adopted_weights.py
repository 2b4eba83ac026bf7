"""Learned weights in use: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "weights.adopted": Promise(
        "Workers score with the weights of the file that `TRUSTSCORE_WEIGHTS` names, as `trustscore weights fit` "
        "writes it, otherwise with the default ones.",
        tests_in("unit/streams/agents/test_score_loop", "test_the_worker_scores_with_the_weights_of_its_file")
        + tests_in("unit/streams/test_weights", "test_without_a_file_the_default_weights_are_in_use")
        + tests_in("unit/streams/steps/test_score", "test_adopted_weights_change_a_score_and_stand_in_its_record")
        + tests_in("unit/analytics/cli/test_weights", "test_learned_weights_and_their_gain_are_printed_and_written"),
    ),
    "weights.refused": Promise(
        "A file of weights with wrong names, numbers or sum stops the worker with what is wrong and the next step.",
        tests_in("unit/streams/test_weights", "test_a_file_that_cannot_be_adopted_is_a_fault_of_the_setting")
        + tests_in("unit/scoring/test_weights", "test_weights_stated_badly_say_what_was_wanted_and_the_next_step"),
    ),
    "weights.verified": Promise(
        "A score names the weights it was made with, where they are not the default ones: `explain` says so and "
        "`verify` recomputes with them.",
        tests_in(
            "unit/analytics/test_verify",
            "test_scores_of_adopted_weights_come_out_equal_beside_those_of_the_default_ones",
            "test_a_score_that_names_other_weights_than_it_was_made_with_is_different",
        )
        + tests_in("unit/analytics/test_sentences", "test_an_explanation_says_that_adopted_weights_are_in_use"),
    ),
}
