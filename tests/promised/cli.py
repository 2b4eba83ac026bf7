"""The command line: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "cli.commands": Promise(
        "Every command is there, explains itself and is documented.",
        tests_in(
            "unit/analytics/cli/test_main",
            "test_every_command_is_there",
            "test_a_command_loads_and_explains_itself",
            "test_every_command_is_documented",
        ),
    ),
    "cli.completion": Promise(
        "Commands and catalog ids are completed in the shell.",
        tests_in("unit/analytics/cli/test_main", "test_commands_and_ids_of_the_catalog_are_completed_in_the_shell"),
    ),
    "cli.config": Promise(
        "`trustscore config` prints client configurations that work.",
        tests_in(
            "integration/test_mcp",
            "test_the_printed_http_configuration_points_at_a_server_that_answers",
            "test_the_printed_stdio_configuration_starts_a_server_that_answers",
            "test_the_printed_python_program_runs",
        ),
    ),
    "cli.exit-one": Promise(
        "An unknown provider or a part that is away ends in exit code 1 and a sentence.",
        tests_in(
            "integration/test_cli",
            "test_an_unknown_provider_is_exit_code_1",
            "test_a_server_that_does_not_answer_is_exit_code_1",
            "test_an_address_of_something_else_is_said_plainly",
            "test_without_server_and_lake_the_next_step_is_named",
            "test_without_a_broker_a_report_is_refused_and_stdout_stays_clean",
        ),
    ),
    "cli.exit-two": Promise(
        "Bad input ends in exit code 2 with one sentence on stderr.",
        tests_in("integration/test_cli", "test_bad_input_is_exit_code_2_with_its_sentence"),
    ),
    "cli.json": Promise(
        "With `--json`, the answer and nothing else is on stdout, from a server or from the lake.",
        tests_in("integration/test_cli", "test_json_is_the_answer_and_nothing_else"),
    ),
    "cli.lake": Promise(
        "Without a server the command line answers from the lake and marks it.",
        tests_in(
            "integration/test_cli",
            "test_an_answer_from_the_lake_is_marked",
            "test_scores_of_a_lake_alone_are_read_without_any_process",
        ),
    ),
    "cli.report": Promise(
        "A report from the command line reaches the score, through a server or straight through Kafka.",
        tests_in("integration/test_cli", "test_a_report_reaches_the_score"),
    ),
    "cli.signals": Promise(
        "A signal or a closed pipe leaves no traceback.",
        tests_in(
            "integration/test_cli",
            "test_the_mcp_server_ends_with_its_signal_and_no_traceback",
            "test_a_reader_that_leaves_early_gets_no_traceback",
        ),
    ),
    "cli.tables": Promise("People get tables.", tests_in("integration/test_cli", "test_people_get_a_table")),
}
