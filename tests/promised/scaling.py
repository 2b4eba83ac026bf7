"""More than one machine: what is promised of the files in ``infra/``, and the tests that keep it."""

from typing import Final

from tests.promised.promise import Promise, tests_in

__all__ = ["PROMISES"]

PROMISES: Final[dict[str, Promise]] = {
    "scaling.autoscaling": Promise(
        "Workers are added and taken away by what they fold and what waits, never more than there are partitions.",
        tests_in(
            "unit/infra/test_kubernetes",
            "test_the_autoscaler_owns_the_number_of_workers_and_asks_for_no_more_than_have_partitions",
            "test_the_autoscaler_asks_for_series_that_workers_show",
        )
        + tests_in(
            "unit/streams/test_telemetry",
            "test_a_partition_that_left_is_told_no_more_so_that_a_sum_over_workers_counts_it_once",
        )
        + tests_in("unit/streams/agents/test_score_loop", "test_entities_of_a_partition_that_left_are_told_no_more"),
    ),
    "scaling.compose": Promise(
        "`infra/compose.yaml` is valid, and holds all that a deployment of several processes needs.",
        tests_in(
            "unit/infra/test_compose",
            "test_the_file_is_what_its_schema_says_and_docker_takes_it_where_there_is_docker",
            "test_a_misspelt_key_and_a_wrong_type_are_seen",
            "test_there_is_everything_that_a_deployment_needs",
            "test_every_variable_is_a_setting_of_the_process_that_gets_it",
            "test_the_broker_that_processes_ask_is_a_listener_that_kafka_tells_them_to_use",
            "test_the_bucket_of_the_lake_is_made_in_the_store_that_processes_ask",
            "test_replicas_of_the_server_share_the_catalog_that_postgres_keeps",
            "test_a_health_check_asks_a_route_of_its_process_at_the_port_it_binds",
            "test_whatever_waits_waits_for_a_service_that_can_get_there",
            "test_whatever_is_mounted_from_here_is_here",
            "test_the_gateway_leads_to_the_servers_and_keeps_an_mcp_client_with_one_of_them",
        ),
    ),
    "scaling.compose-is-closed": Promise(
        "What the compose file runs is published on loopback only, and secrets have no defaults.",
        tests_in(
            "unit/infra/test_compose",
            "test_every_port_is_published_on_loopback_only",
            "test_every_variable_of_the_file_is_in_the_example_and_secrets_have_no_default",
            "test_a_process_of_ours_can_write_to_its_own_places_only",
        ),
    ),
    "scaling.growth": Promise(
        "How cost grows with reports, providers, tasks, spread, history and partitions is measured.",
        tests_in(
            "unit/benchmarks/test_growth",
            "test_every_case_differs_from_the_base_case_in_the_figure_it_is_named_for",
            "test_cases_have_a_row_each",
            "test_cost_must_be_flat_over_reports_and_over_history_whatever_else_is_only_told",
            "test_entities_of_a_case_are_those_its_reports_make",
            "test_reports_lie_where_kafka_puts_their_provider_however_many_partitions_there_are",
            "test_cost_is_by_million_reports",
        ),
        command="make bench ONLY=growth",
    ),
    "scaling.maintenance": Promise(
        "What compaction and retention beside ingest cost it is measured in pairs of runs.",
        tests_in(
            "unit/benchmarks/test_maintenance",
            "test_rounds_that_changed_something_are_counted",
            "test_a_round_that_failed_is_no_result",
        ),
        command="make bench ONLY=maintenance",
    ),
    "scaling.simulation": Promise(
        "A seeded simulation says how many workers a million reports a second take, and what a lost one costs.",
        tests_in(
            "unit/benchmarks/support/test_fleet",
            "test_partitions_are_dealt_out_evenly_and_no_more_move_than_must",
            "test_traffic_is_the_same_however_it_is_keyed_and_only_spread_differently",
            "test_a_hot_provider_is_all_in_one_partition_until_it_is_spread",
            "test_state_is_held_once_by_each_stage_and_once_more_for_every_place_a_provider_is_spread_to",
            "test_what_comes_beyond_a_worker_s_rate_piles_up",
            "test_a_rebalance_stops_all_and_restores_what_moved_and_then_they_catch_up",
            "test_restoring_takes_as_long_as_the_state_that_moved_is_large",
            "test_those_that_join_take_partitions_over",
            "test_the_same_seed_gives_the_same_course_and_another_one_another",
        )
        + tests_in(
            "unit/benchmarks/test_simulation",
            "test_costs_are_what_growth_measured_above_its_base_case",
            "test_as_many_workers_are_needed_as_keep_each_below_its_bound",
            "test_no_number_of_workers_helps_where_one_partition_is_too_much",
        ),
        command="make bench ONLY=simulation",
    ),
    "scaling.image": Promise(
        "The image installs the locks by hash and nothing else, and runs without root.",
        tests_in(
            "unit/infra/test_image",
            "test_what_is_copied_exists_and_the_ignore_file_lets_it_through",
            "test_every_package_that_is_shipped_is_in_the_image",
            "test_every_package_of_others_comes_from_a_lock_by_its_hash",
            "test_both_locks_agree_on_what_they_share",
            "test_python_is_one_that_the_project_takes",
            "test_the_image_runs_our_command_without_root_as_the_user_that_the_manifests_name",
        ),
    ),
    "scaling.kubernetes": Promise(
        "The Kubernetes manifests are valid, and name settings, routes, ports and pods that there are.",
        tests_in(
            "unit/infra/test_kubernetes",
            "test_a_manifest_is_what_its_schema_says",
            "test_a_misspelt_field_and_a_wrong_type_are_seen",
            "test_kustomize_takes_every_file_and_renders_every_object",
            "test_every_variable_is_a_setting_of_the_process_that_gets_it",
            "test_a_variable_that_is_no_setting_reaches_no_process",
            "test_every_command_is_one_of_the_command_line",
            "test_every_probe_asks_a_route_of_its_process_at_the_port_that_is_bound",
            "test_selectors_select_the_pods_they_are_about",
            "test_the_service_leads_to_a_port_of_the_server",
            "test_an_eviction_leaves_a_server_and_takes_one_worker_at_a_time",
            "test_a_worker_has_time_for_its_last_flush",
        ),
    ),
    "scaling.kubernetes-is-closed": Promise(
        "In Kubernetes nothing is let in but questions and scrapes, and no pod runs as root or writes to its image.",
        tests_in(
            "unit/infra/test_kubernetes",
            "test_nothing_comes_in_but_questions_and_scrapes",
            "test_every_process_reaches_kafka_and_the_store_where_the_settings_say_they_are",
            "test_a_pod_runs_as_nobody_in_particular_and_says_what_it_needs",
        ),
    ),
    "scaling.monitoring": Promise(
        "Every alert and panel asks for series and labels that workers and servers show, and no metric is left out.",
        tests_in(
            "unit/infra/test_monitoring",
            "test_an_alert_names_series_that_there_are_and_says_what_is_wrong",
            "test_alert_names_are_distinct",
            "test_every_panel_shows_series_that_there_are",
            "test_a_series_and_a_label_that_there_are_not_are_seen",
            "test_every_metric_is_on_the_dashboard_or_watched_by_an_alert",
            "test_panels_have_an_id_each_and_do_not_cover_one_another",
            "test_the_dashboard_asks_the_data_source_that_is_provisioned",
            "test_dashboards_lie_where_grafana_is_told_to_look",
            "test_prometheus_scrapes_every_worker_and_server_at_the_port_they_bind",
            "test_alerts_ask_for_jobs_that_are_scraped",
        ),
    ),
}
