"""The provider catalog: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "catalog.bad-input": Promise(
        "A fault names file, line, field, wanted, got and the next step.",
        tests_in(
            "unit/analytics/catalog/test_entries", "test_a_fault_names_file_line_field_wanted_got_and_the_next_step"
        ),
    ),
    "catalog.both-lists": Promise(
        "All 201 and 328 servers are there, under ids unique over both lists.",
        tests_in("unit/analytics/catalog/test_builtin_entries", "test_all_servers_of_both_lists_are_there"),
    ),
    "catalog.categories": Promise(
        "Categories are a closed list without a leftover bucket, so that peers mean something.",
        tests_in(
            "unit/analytics/catalog/test_builtin_entries",
            "test_no_category_is_a_leftover_bucket_or_too_small_to_compare",
        ),
    ),
    "catalog.ctrl-c": Promise(
        "Ctrl-C ends an import without traceback and without rest.",
        tests_in(
            "unit/analytics/catalog/test_commands", "test_ctrl_c_ends_an_import_without_traceback_and_without_rest"
        ),
    ),
    "catalog.docs": Promise(
        "The documentation lists every category with its size.",
        tests_in(
            "unit/analytics/catalog/test_builtin_entries", "test_the_documentation_lists_every_category_with_its_size"
        ),
    ),
    "catalog.exit-codes": Promise(
        "A bad file is exit code 2 and leaves nothing behind.",
        tests_in("unit/analytics/catalog/test_commands", "test_a_bad_file_is_bad_input_and_leaves_nothing_behind"),
    ),
    "catalog.facts": Promise(
        "The package comes with 529 MCP servers, each valid, with task types and a category.",
        tests_in(
            "unit/analytics/catalog/test_builtin_entries", "test_every_row_is_valid_and_has_a_category_and_a_task_type"
        ),
    ),
    "catalog.import": Promise(
        "An import outlasts the process and wins over the built-in entry.",
        tests_in(
            "unit/analytics/catalog/test_catalog", "test_an_import_outlasts_the_catalog_and_wins_over_the_builtin_entry"
        ),
    ),
    "catalog.import-atomic": Promise(
        "One bad entry keeps the whole file out.",
        tests_in("unit/analytics/catalog/test_catalog", "test_one_bad_entry_keeps_the_whole_file_out"),
    ),
    "catalog.import-concurrent": Promise(
        "Two processes may import at once.",
        tests_in(
            "unit/analytics/catalog/test_catalog",
            "test_two_processes_importing_at_once_both_succeed_and_neither_file_is_torn",
        ),
    ),
    "catalog.import-identity": Promise(
        "Importing an export gives the same catalog, in every format.",
        tests_in("unit/analytics/catalog/test_formats", "test_reading_undoes_writing_in_every_format"),
    ),
    "catalog.import-skip-bad": Promise(
        "Bad entries can be left out and are listed.",
        tests_in("unit/analytics/catalog/test_catalog", "test_bad_entries_can_be_left_out_and_are_listed"),
    ),
    "catalog.list": Promise(
        "`trustscore catalog list` shows providers as a table or as JSON.",
        tests_in("unit/analytics/catalog/test_commands", "test_json_holds_everything_unless_limited"),
    ),
    "catalog.no-invented-endpoints": Promise(
        "An endpoint is stated only for hosted servers whose address was published.",
        tests_in("unit/analytics/catalog/test_builtin_entries", "test_an_endpoint_is_known_only_for_hosted_servers"),
    ),
    "catalog.own-server-json": Promise(
        "TrustScore has a server.json of the project's version.",
        tests_in(
            "unit/analytics/catalog/test_server_json",
            "test_our_own_server_json_is_readable_and_of_the_project_s_version",
        ),
    ),
    "catalog.peers": Promise(
        "Peers are the other providers of the category.",
        tests_in("unit/analytics/catalog/test_catalog", "test_peers_are_the_others_of_the_category"),
    ),
    "catalog.search-order": Promise(
        "Exact task types come before those that contain the word.",
        tests_in("unit/analytics/catalog/test_search", "test_an_exact_task_type_comes_before_one_that_holds_the_word"),
    ),
    "catalog.server-json": Promise(
        "The MCP registry's server.json is imported, alone, in a list, or as the API lists it.",
        tests_in("unit/analytics/catalog/test_server_json", "test_one_object_a_list_and_the_api_s_answer_read_alike"),
    ),
    "catalog.show": Promise(
        "`trustscore catalog show` tells the facts and the peers; an unknown id fails with near ids.",
        tests_in("unit/analytics/catalog/test_commands", "test_show_of_an_unknown_provider_fails_with_near_ids"),
    ),
    "catalog.unique-ids": Promise(
        "Ids are unique over both lists, even without case.",
        tests_in(
            "unit/analytics/catalog/test_builtin_entries", "test_ids_are_unique_over_both_lists_even_without_case"
        ),
    ),
}
