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
}
