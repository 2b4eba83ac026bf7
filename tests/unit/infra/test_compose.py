"""``infra/compose.yaml``: valid, and about this program: its settings, routes, ports and addresses."""

import copy
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.manifests import INFRA, OBJECT_STORE, compose, faults, settings_of
from tests.unit.infra.test_kubernetes import routes

TEXT = (INFRA / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = {"worker": ["worker"], "server": ["serve"], "maintenance": ["lake", "maintain"]}
EXAMPLE = (INFRA / ".env.example").read_text(encoding="utf-8")


def has_compose() -> bool:
    docker = shutil.which("docker")
    return bool(docker) and not subprocess.run([str(docker), "compose", "version"], capture_output=True).returncode


def test_the_file_is_what_its_schema_says_and_docker_takes_it_where_there_is_docker(tmp_path: Path) -> None:
    assert faults(compose()) == []
    if has_compose():
        filled = tmp_path / "env"
        filled.write_text(re.sub(r"=$", "=secret", EXAMPLE, flags=re.MULTILINE), encoding="utf-8")
        command = ["docker", "compose", "--env-file", str(filled), "-f", str(INFRA / "compose.yaml"), "config", "-q"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=60)
        assert done.returncode == 0, done.stderr


def test_a_misspelt_key_and_a_wrong_type_are_seen() -> None:
    misspelt, wrong = copy.deepcopy(compose()), copy.deepcopy(compose())
    misspelt["services"]["worker"]["enviroment"] = {}
    wrong["services"]["worker"]["ports"] = "8080:8080"
    assert any("enviroment" in fault for fault in faults(misspelt))
    assert any("services/worker/ports" in fault for fault in faults(wrong))


def test_there_is_everything_that_a_deployment_needs() -> None:
    wanted = {"kafka", "minio", "postgres", "worker", "server", "maintenance", "prometheus", "grafana"}
    assert wanted <= SERVICES.keys()
    assert SERVICES["server"]["deploy"]["replicas"] == 2
    assert SERVICES["worker"]["deploy"]["replicas"] == "${WORKERS:-2}"


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_of_the_process_that_gets_it(name: str) -> None:
    service = SERVICES[name]
    assert service["command"] == OURS[name]
    own = settings_of(worker=name == "worker", server=name != "worker")
    shared = {"TRUSTSCORE_BROKER", "TRUSTSCORE_PARTITIONS", "TRUSTSCORE_LAKE"}
    assert service["environment"].keys() <= own | shared | OBJECT_STORE
    assert shared <= settings_of(worker=True, server=False) & settings_of(worker=False, server=True)


@pytest.mark.parametrize("name", OURS)
def test_a_process_of_ours_can_write_to_its_own_places_only(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "/tmp" in service["tmpfs"]


def test_every_port_is_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) >= 5
    assert all(port.startswith("127.0.0.1:") for port in published), "nobody is authenticated"


def test_every_variable_of_the_file_is_in_the_example_and_secrets_have_no_default() -> None:
    used = dict(re.findall(r"\$\{(\w+)(:[?-])", TEXT))
    example = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert used.keys() == example.keys()
    assert {name for name, value in example.items() if not value} == {n for n, kind in used.items() if kind == ":?"}
    assert {"LAKE_SECRET_KEY", "CATALOG_PASSWORD", "GRAFANA_PASSWORD"} <= {
        n for n, kind in used.items() if kind == ":?"
    }


def test_the_broker_that_processes_ask_is_a_listener_that_kafka_tells_them_to_use() -> None:
    told = re.findall(r"\w+://([\w.:]+)", SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"])
    bound = re.findall(r"//:(\d+)", SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"])
    for name in OURS:
        broker = SERVICES[name]["environment"]["TRUSTSCORE_BROKER"]
        assert broker in told
        assert broker.partition(":")[2] in bound
    (published,) = SERVICES["kafka"]["ports"]
    assert published.rpartition(":")[0] in told, "what a client on this machine is told is what is published"


def test_the_bucket_of_the_lake_is_made_in_the_store_that_processes_ask() -> None:
    environment = SERVICES["worker"]["environment"]
    bucket = re.fullmatch(r"s3://([^/]+)/.+", environment["TRUSTSCORE_LAKE"]).group(1)  # type: ignore[union-attr]
    (script,) = SERVICES["bucket"]["command"]
    assert f"store/{bucket}" in script
    assert environment["AWS_ENDPOINT_URL"] in script
    assert environment["AWS_ACCESS_KEY_ID"] == SERVICES["minio"]["environment"]["MINIO_ROOT_USER"]
    assert environment["AWS_SECRET_ACCESS_KEY"] == SERVICES["minio"]["environment"]["MINIO_ROOT_PASSWORD"]


def test_replicas_of_the_server_share_the_catalog_that_postgres_keeps() -> None:
    url = SERVICES["server"]["environment"]["TRUSTSCORE_DATABASE_URL"]
    postgres = SERVICES["postgres"]["environment"]
    assert url == (
        f"postgresql+psycopg://{postgres['POSTGRES_USER']}:{postgres['POSTGRES_PASSWORD']}@postgres/"
        f"{postgres['POSTGRES_DB']}"
    )
    lock = (INFRA.parent / "requirements" / "postgres.txt").read_text(encoding="utf-8")
    assert re.search(r"^psycopg==", lock, re.MULTILINE)


@pytest.mark.parametrize("name", ["worker", "server"])
def test_a_health_check_asks_a_route_of_its_process_at_the_port_it_binds(name: str) -> None:
    environment = SERVICES[name]["environment"]
    setting = {"worker": "TRUSTSCORE_WORKER", "server": "TRUSTSCORE_HTTP"}[name]
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", SERVICES[name]["healthcheck"]["test"][-1])
    assert asked
    assert int(asked[1]) == environment[f"{setting}_PORT"]
    assert asked[2] in routes()[name]
    assert environment[f"{setting}_HOST"] == "0.0.0.0", "the default is loopback, where no other container reaches it"


def test_whatever_waits_waits_for_a_service_that_can_get_there() -> None:
    for name, service in SERVICES.items():
        waits = service.get("depends_on", {})
        for other, how in waits.items() if isinstance(waits, dict) else []:
            assert other in SERVICES, name
            assert how["condition"] != "service_healthy" or "healthcheck" in SERVICES[other], f"{name}: {other}"


def test_whatever_is_mounted_from_here_is_here() -> None:
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    ours = [path for path in mounted if path.startswith("./")]
    assert len(ours) >= 4
    assert [path for path in ours if not (INFRA / path).exists()] == []
    assert {path for path in mounted if not path.startswith("./")} == compose()["volumes"].keys()


def test_the_gateway_leads_to_the_servers_and_keeps_an_mcp_client_with_one_of_them() -> None:
    text = (INFRA / "gateway" / "nginx.conf").read_text(encoding="utf-8")
    upstreams = dict(re.findall(r"upstream (\w+) \{(.*?)\n  \}", text, re.DOTALL))
    port = SERVICES["server"]["environment"]["TRUSTSCORE_HTTP_PORT"]
    assert [f"server server:{port} resolve" in body for body in upstreams.values()] == [True, True]
    places = dict(re.findall(r"location (\S+) \{\s*proxy_pass http://(\w+);", text))
    assert places.keys() == {"/", "/mcp"}
    assert "ip_hash" in upstreams[places["/mcp"]]
    assert "ip_hash" not in upstreams[places["/"]]
    assert any(port.endswith(":8080") for port in SERVICES["gateway"]["ports"])
    assert "listen 8080;" in text
