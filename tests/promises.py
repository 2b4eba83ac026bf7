"""What TrustScore promises, sentence by sentence, and which tests keep each promise.

``tests/architecture/test_promises.py`` checks both directions: every test named here exists, and every test under
``tests/integration``, ``contract`` and ``chaos``, and every test marked ``@pytest.mark.promise("id")``, is here.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["PROMISES", "Promise"]


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence a reader may rely on.

    Parameters
    ----------
    sentence
        As it would stand in the documentation.
    tests
        That would fail if it were broken: ``tests/…/test_file.py::test_name`` (no parameters in brackets).
    command
        Make target whose printed figures show it, for what a test cannot decide (speed): ``make bench ONLY=fold``.
    """

    sentence: str
    tests: tuple[str, ...] = ()
    command: str = ""


def _in(file: str, *names: str) -> tuple[str, ...]:
    """Ids of tests of one file, given without ``tests/`` and ``.py``; add the tuples of several files."""
    return tuple(f"tests/{file}.py::{name}" for name in names)


PROMISES: Final[dict[str, Promise]] = {
    # ---------------------------------------------------------------------------------------------------- brokers
    "brokers.both-serve": Promise(
        "Everything TrustScore asks of a broker is served by the embedded one and by Apache Kafka alike.",
        _in(
            "integration/test_brokers",
            "test_a_created_topic_has_its_partitions",
            "test_creating_a_topic_twice_is_answered_with_already_exists",
            "test_a_compacted_topic_is_accepted_and_serves_the_last_value_of_a_key",
            "test_a_record_comes_back_with_key_headers_timestamp_and_bytes",
            "test_a_tombstone_comes_back_as_none",
            "test_a_batch_keeps_its_order_under_every_compression",
            "test_a_group_goes_on_behind_what_it_committed",
            "test_two_members_of_a_group_share_the_partitions",
            "test_the_partitions_of_a_member_that_left_go_to_the_other",
            "test_the_end_offset_counts_single_record_batches",
        ),
    ),
    "brokers.embedded-limits": Promise(
        "The limits of the embedded broker are pinned, so that a better version is noticed.",
        _in(
            "integration/test_embedded_limits",
            "test_the_embedded_end_offset_is_the_base_of_the_last_batch_plus_one",
            "test_the_kafka_end_offset_counts_every_record",
            "test_the_embedded_broker_closes_the_connection_on_delete_records",
            "test_kafka_deletes_records",
            "test_the_embedded_broker_refuses_an_idempotent_producer",
            "test_kafka_accepts_an_idempotent_producer",
            "test_the_embedded_broker_grows_with_what_is_produced",
        )
        + _in("integration/test_servers", "test_the_embedded_broker_forgets_everything_when_it_stops"),
    ),
    "brokers.embedded-memory": Promise(
        "The embedded broker says how much memory it holds.",
        _in("integration/test_servers", "test_the_embedded_broker_says_its_memory_while_it_runs"),
    ),
    "brokers.no-orphans": Promise(
        "The embedded broker never outlives the process that started it, however that one ends.",
        _in("integration/test_servers", "test_the_embedded_broker_dies_with_who_started_it"),
    ),
    "brokers.failed-start-is-said": Promise(
        "A broker that does not start is told with its last words, and no process of it stays.",
        _in(
            "integration/test_servers",
            "test_a_broker_that_ends_at_once_is_told_with_its_last_words",
            "test_a_process_that_never_answers_is_given_up_and_ended",
        ),
    ),
    "brokers.kafka-keeps-its-data": Promise(
        "The Apache Kafka node of the tests keeps its data and its address over a stop and a kill.",
        _in(
            "integration/test_servers",
            "test_kafka_keeps_its_data_over_a_stop_and_a_kill",
            "test_the_kafka_program_prints_its_address_and_ends_on_sigterm",
        ),
    ),
    # ------------------------------------------------------------------------------------------------------- docs
    "docs.reference-is-current": Promise(
        "Every report field, lake column and setting is documented, as the code has it.",
        _in("architecture/test_reference", "test_the_reference_is_what_the_code_says"),
    ),
    # ---------------------------------------------------------------------------------------------------- project
    "project.import-contracts": Promise(
        "`scoring` is values in, values out, and `streams` and `analytics` never import each other.",
        _in(
            "architecture/test_layers",
            "test_import_contracts_are_kept",
            "test_scoring_loads_no_stream_or_lake_library",
        ),
    ),
    "project.locked": Promise(
        "Every package is pinned by version and hash, and development runs on the versions that are shipped.",
        _in(
            "architecture/test_source",
            "test_every_locked_package_has_a_version_and_hashes",
            "test_development_runs_on_what_is_shipped",
        ),
    ),
    "project.no-index-address": Promise(
        "No tracked file names a package index.",
        _in("architecture/test_source", "test_no_file_names_a_package_index"),
    ),
    "project.no-machine-paths": Promise(
        "No tracked file holds a path of one machine.",
        _in("architecture/test_source", "test_no_file_holds_a_path_of_one_machine"),
    ),
    "project.nothing-skipped-in-ci": Promise(
        "No test is skipped where `CI=true`.",
        _in("architecture/test_no_skips", "test_a_skip_fails_in_ci_and_only_there"),
    ),
    "project.small-modules": Promise(
        "No module is longer than 400 lines.",
        _in("architecture/test_source", "test_no_module_is_longer_than_400_lines"),
    ),
}
