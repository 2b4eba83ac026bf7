"""The first run: sample traffic, replay, up: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "replay.bad-lines": Promise(
        "A bad line names file, line, field, wanted, got (exit 2); `--skip-bad` leaves it out and counts it.",
        tests_in("integration/test_replay", "test_bad_lines_are_left_out_when_asked_and_counted")
        + tests_in(
            "unit/analytics/cli/test_firstrun", "test_a_bad_line_exits_with_2_and_names_file_line_field_wanted_and_got"
        ),
    ),
    "replay.broker-away": Promise(
        "A broker that is away is said plainly, exit code 1.",
        tests_in("integration/test_replay", "test_a_broker_that_is_away_is_said_plainly"),
    ),
    "replay.unconfirmed": Promise(
        "Reports Kafka does not confirm are counted and said.",
        tests_in("integration/test_replay", "test_reports_that_kafka_does_not_confirm_are_counted_and_said"),
    ),
    "replay.whole": Promise(
        "Every report sent is acknowledged and arrives once and whole, JSON or Arrow, on both brokers.",
        tests_in("integration/test_replay", "test_every_report_arrives_once_and_whole"),
    ),
    "replay.wsdream": Promise(
        "A wsdream file is replayed with every reading, 20 s as timeout, 900 s a slot.",
        tests_in("integration/test_replay", "test_a_wsdream_file_is_replayed_with_every_reading")
        + tests_in("unit/analytics/replay/test_wsdream", "test_each_reading_is_a_report_slot_by_slot"),
    ),
    "simulate.demo-prefix": Promise(
        "Simulated providers are named after catalog entries, only with a demo- prefix.",
        tests_in(
            "unit/analytics/simulator/test_fleet",
            "test_no_provider_is_named_without_the_demo_prefix",
            "test_every_provider_is_named_after_an_entry_of_the_catalog",
        ),
    ),
    "simulate.live": Promise(
        "Live traffic ends at a signal with everything confirmed.",
        tests_in("integration/test_replay", "test_live_traffic_ends_at_a_signal_with_everything_confirmed"),
    ),
    "simulate.regimes": Promise(
        "Each regime fails at its stated rate.",
        tests_in("unit/analytics/simulator/test_traffic", "test_failures_keep_to_the_stated_probability"),
    ),
    "simulate.seeded": Promise(
        "Same seed, same bytes.",
        tests_in("unit/analytics/cli/test_firstrun", "test_the_same_seed_writes_the_same_bytes")
        + tests_in("unit/analytics/simulator/test_traffic", "test_same_seed_gives_the_same_bytes"),
    ),
    "up.ctrl-c": Promise(
        "Ctrl-C, also twice and while starting, stops everything, exit code 0.",
        tests_in("integration/test_up", "test_ctrl_c_ends_everything_in_order"),
    ),
    "up.killed": Promise(
        "On Linux no part outlives a killed `trustscore up`.",
        tests_in("integration/test_up", "test_no_part_outlives_a_killed_up"),
    ),
    "up.memory-cap": Promise(
        "The sample traffic stops at the broker's memory cap; the rest goes on.",
        tests_in("integration/test_up", "test_the_sample_traffic_stops_when_the_broker_holds_too_much"),
    ),
    "up.part-dies": Promise(
        "A part that ends by itself is named with its last lines; the rest is stopped, exit code 1.",
        tests_in("integration/test_up", "test_a_part_that_dies_is_named_and_the_rest_stopped"),
    ),
    "up.port-taken": Promise(
        "A port asked for and taken is said plainly.",
        tests_in("integration/test_up", "test_a_port_that_is_taken_is_said_plainly"),
    ),
    "up.run-dirs": Promise(
        "Each run has its own directory; the last three are kept, nothing else is removed.",
        tests_in(
            "unit/analytics/local/test_run_dir",
            "test_only_the_last_few_runs_are_kept",
            "test_nothing_else_is_ever_removed",
        ),
    ),
    "up.scores-and-ends": Promise(
        "`up --for` scores 20 providers and more, failing ones below every healthy one, and leaves no process.",
        tests_in("integration/test_up", "test_up_scores_at_least_twenty_providers_and_ends_by_itself"),
    ),
}
