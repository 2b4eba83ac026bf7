"""The compiled part: what is promised of it, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "compiled.bounds": Promise(
        "Of a message or a batch, however damaged, nothing is read that lies outside of it.",
        tests_in("unit/compiled/test_bounds", "test_nothing_behind_a_report_or_a_batch_is_read"),
    ),
    "compiled.same-records": Promise(
        "Records read where they stand are those that aiokafka gives, whatever their compression, header or damage.",
        tests_in(
            "unit/streams/test_runs",
            "test_a_run_holds_what_aiokafka_gives_one_by_one",
            "test_records_are_read_where_they_stand_however_they_are_compressed",
            "test_the_header_of_an_arrow_message_is_seen_whatever_stands_beside_it",
            "test_a_batch_that_is_none_is_refused_as_aiokafka_refuses_it",
        ),
    ),
    "compiled.same-reports": Promise(
        "With the compiled part and without it the same reports are read and the same are refused.",
        tests_in(
            "unit/streams/test_json_wire",
            "test_a_message_at_the_edge_gives_what_one_by_one_gives",
            "test_damaged_messages_give_what_one_by_one_gives",
            "test_any_number_is_read_as_python_reads_it",
        ),
    ),
    "compiled.same-sums": Promise(
        "Groups, sums and counts of the compiled part are those of numpy and of a dictionary.",
        tests_in(
            "unit/compiled/test_arrays",
            "test_numbers_of_distinct_values_are_those_of_numpy",
            "test_sums_and_maxima_by_group_are_those_of_numpy",
        )
        + tests_in("unit/compiled/test_tally", "test_adding_any_keys_in_any_parts_is_what_a_dictionary_does")
        + tests_in("unit/scoring/test_counts", "test_many_rows_hold_what_a_dictionary_would"),
    ),
    "compiled.without": Promise(
        "Where there is no C compiler the install goes on, says what it lacks, and a worker does the same, slower.",
        tests_in("unit/compiled/test_build", "test_without_a_compiler_the_install_goes_on_and_says_so"),
    ),
}
