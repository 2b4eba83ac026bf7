"""Brokers: what is promised, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "brokers.both-serve": Promise(
        "Everything TrustScore asks of a broker is served by the embedded one and by Apache Kafka alike.",
        tests_in(
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
        tests_in(
            "integration/test_embedded_limits",
            "test_the_embedded_end_offset_is_the_base_of_the_last_batch_plus_one",
            "test_the_kafka_end_offset_counts_every_record",
            "test_the_embedded_broker_closes_the_connection_on_delete_records",
            "test_kafka_deletes_records",
            "test_the_embedded_broker_refuses_an_idempotent_producer",
            "test_kafka_accepts_an_idempotent_producer",
            "test_the_embedded_broker_grows_with_what_is_produced",
        )
        + tests_in("integration/test_servers", "test_the_embedded_broker_forgets_everything_when_it_stops"),
    ),
    "brokers.embedded-memory": Promise(
        "The embedded broker says how much memory it holds.",
        tests_in("integration/test_servers", "test_the_embedded_broker_says_its_memory_while_it_runs"),
    ),
    "brokers.failed-start-is-said": Promise(
        "A broker that does not start is told with its last words, and no process of it stays.",
        tests_in(
            "integration/test_servers",
            "test_a_broker_that_ends_at_once_is_told_with_its_last_words",
            "test_a_process_that_never_answers_is_given_up_and_ended",
        ),
    ),
    "brokers.kafka-keeps-its-data": Promise(
        "The Apache Kafka node of the tests keeps its data and its address over a stop and a kill.",
        tests_in(
            "integration/test_servers",
            "test_kafka_keeps_its_data_over_a_stop_and_a_kill",
            "test_the_kafka_program_prints_its_address_and_ends_on_sigterm",
        ),
    ),
    "brokers.no-orphans": Promise(
        "The embedded broker never outlives the process that started it, however that one ends.",
        tests_in("integration/test_servers", "test_the_embedded_broker_dies_with_who_started_it"),
    ),
}
