"""The project itself: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "bench.engine": Promise(
        "One worker folds, scores and stores 100,000 JSON reports a second on two cores.",
        command="make bench ONLY=engine",
    ),
    "bench.failure-keeps-rows": Promise(
        "What was measured before a failure is kept, and the exit code is 1.",
        tests_in(
            "unit/benchmarks/test_harness", "test_what_was_measured_before_a_failure_is_kept_and_the_exit_code_is_1"
        ),
    ),
    "bench.merge": Promise(
        "Running one benchmark leaves the figures of the others.",
        tests_in("unit/benchmarks/test_harness", "test_running_one_benchmark_leaves_the_rows_of_the_others"),
    ),
    "bench.reports": Promise(
        "The engine is fed valid reports of about 193 bytes, the same in JSON and Arrow.",
        tests_in(
            "unit/benchmarks/support/test_reports",
            "test_a_report_is_about_193_bytes_of_json",
            "test_every_report_is_one_the_service_takes",
            "test_arrow_and_json_messages_hold_the_same_reports",
        ),
    ),
    "bench.wsdream-fails": Promise(
        "A replay whose lake differs from the file, or from its recomputation, fails.",
        tests_in(
            "unit/benchmarks/test_wsdream",
            "test_one_time_out_too_few_in_the_lake_fails_the_replay",
            "test_a_service_that_the_lake_lacks_fails_the_replay",
            "test_a_pane_or_score_that_comes_out_differently_fails_the_replay",
        ),
    ),
    "bench.wsdream-totals": Promise(
        "SQL over the lake gives each service's totals as the file holds them.",
        tests_in("unit/benchmarks/support/test_readings", "test_the_lake_says_of_each_service_what_the_file_says"),
    ),
    "bench.wsdream-verified": Promise(
        "The WS-DREAM replay through Kafka, also with the worker killed in its middle, is equal to its recomputation.",
        command="make bench ONLY=wsdream",
    ),
    "project.import-contracts": Promise(
        "`scoring` is values in, values out, and `streams` and `analytics` never import each other.",
        tests_in(
            "architecture/test_layers", "test_import_contracts_are_kept", "test_scoring_loads_no_stream_or_lake_library"
        ),
    ),
    "project.locked": Promise(
        "Every package is pinned by version and hash, and development runs on the versions that are shipped.",
        tests_in(
            "architecture/test_source",
            "test_every_locked_package_has_a_version_and_hashes",
            "test_development_runs_on_what_is_shipped",
        ),
    ),
    "project.no-index-address": Promise(
        "No tracked file names a package index.",
        tests_in("architecture/test_source", "test_no_file_names_a_package_index"),
    ),
    "project.no-machine-paths": Promise(
        "No tracked file holds a path of one machine.",
        tests_in("architecture/test_source", "test_no_file_holds_a_path_of_one_machine"),
    ),
    "project.nothing-skipped-in-ci": Promise(
        "No test is skipped where `CI=true`.",
        tests_in("architecture/test_no_skips", "test_a_skip_fails_in_ci_and_only_there"),
    ),
    "project.small-modules": Promise(
        "No module is longer than 400 lines.",
        tests_in("architecture/test_source", "test_no_module_is_longer_than_400_lines"),
    ),
}
