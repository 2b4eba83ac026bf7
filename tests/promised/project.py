"""The project itself: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
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
