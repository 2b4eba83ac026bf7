"""Documentation: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "docs.decisions": Promise(
        "Every decision says its context, the choice and what it costs, in half a page.",
        tests_in("architecture/test_documentation", "test_a_decision_says_context_choice_and_cost"),
    ),
    "docs.every-command": Promise(
        "Every command of the command line is documented.",
        tests_in("architecture/test_documentation", "test_every_command_is_in_the_documentation"),
    ),
    "docs.notebooks-are-clean": Promise(
        "Notebooks are committed as run from top to bottom, without timings or paths of one machine.",
        tests_in(
            "architecture/test_notebooks_hold_no_logic",
            "test_a_notebook_was_run_from_top_to_bottom_before_it_was_committed",
            "test_a_notebook_holds_no_timings_and_no_path_of_one_machine",
        ),
    ),
    "docs.notebooks-hold-no-logic": Promise(
        "Notebooks call, show and plot; they hold no logic of their own.",
        tests_in(
            "architecture/test_notebooks_hold_no_logic",
            "test_a_notebook_decides_nothing",
            "test_a_cell_fits_a_screen",
            "test_a_notebook_calls_our_packages_and_plots",
            "test_logic_is_seen",
        ),
    ),
    "docs.notebooks-run": Promise(
        "The notebooks run offline, without a broker, and show what is committed.",
        tests_in(
            "integration/test_notebooks",
            "test_a_notebook_runs_offline_and_shows_what_is_committed",
            "test_a_notebook_that_asks_the_network_is_refused",
        ),
    ),
    "docs.points-to-what-exists": Promise(
        "Links, commands, make targets and settings named in the documentation exist.",
        tests_in(
            "architecture/test_documentation",
            "test_links_lead_somewhere",
            "test_a_dead_link_is_seen",
            "test_commands_exist",
            "test_make_targets_exist",
            "test_settings_exist",
        ),
    ),
    "docs.readme-runs": Promise(
        "Every program and command line of the README runs against a real service.",
        tests_in("integration/test_readme", "test_the_programs_of_the_readme_run", "test_the_lines_of_the_readme_run"),
    ),
    "docs.readme-shows": Promise(
        "The README shows the two commands, the running terminal and the line a report walks.",
        tests_in(
            "architecture/test_documentation",
            "test_the_readme_shows_the_two_commands_the_picture_and_the_way_of_a_report",
        ),
    ),
    "docs.reference-is-current": Promise(
        "Every report field, lake column and setting is documented, as the code has it.",
        tests_in("architecture/test_reference", "test_the_reference_is_what_the_code_says"),
    ),
    "docs.three-notebooks": Promise(
        "There are three notebooks: one report, dimensions and scores, the lake.",
        tests_in("architecture/test_notebooks_hold_no_logic", "test_there_are_the_three_notebooks"),
    ),
}
