"""``infra/k8s``: valid by Kubernetes' own schemas, and about this program: its settings, routes, ports and metrics."""

import copy
import inspect
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from analytics.server import create_app
from analytics.service import Service
from analytics.settings import Settings
from streams.telemetry import serve
from streams.worker import STOP_S
from tests.support.manifests import INFRA, OBJECT_STORE, Manifest, faults, kubernetes, settings_of, unknown

DIRECTORY = INFRA / "k8s"
SECRET = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "TRUSTSCORE_DATABASE_URL"}


def title(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def named(kind: str, name: str) -> Manifest:
    return next(one for one in kubernetes() if title(one) == f"{kind}/{name}")


def of_kind(kind: str) -> list[Manifest]:
    found = [one for one in kubernetes() if one["kind"] == kind]
    assert found
    return found


def pods() -> dict[str, Manifest]:
    """Pod templates by the name of their Deployment."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in of_kind("Deployment")}


def containers() -> Iterator[tuple[str, Manifest]]:
    for name, pod in pods().items():
        for container in pod["spec"]["containers"]:
            yield name, container


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector holds of labels, by Kubernetes' rules for the operators used here."""
    for wanted in selector.get("matchExpressions", []):
        assert wanted["operator"] == "In"
        if labels.get(wanted["key"]) not in wanted["values"]:
            return False
    wanted_labels: dict[str, str] = selector.get("matchLabels", {})
    return wanted_labels.items() <= labels.items()


def selected(selector: Mapping[str, Any]) -> set[str]:
    return {name for name, pod in pods().items() if selects(selector, pod["metadata"]["labels"])}


def environment(name: str, container: Manifest) -> dict[str, str]:
    """What a container sets itself."""
    return {one["name"]: one["value"] for one in container.get("env", [])}


def routes() -> dict[str, set[str]]:
    """Paths that answer GET, by process."""
    app = create_app(Service(Settings(lake=None)))
    source = inspect.getsource(serve)
    worker = {path for path in ("/metrics", "/health/live", "/health/ready") if f'self.path == "{path}"' in source}
    return {"server": {path for path, answers in app.openapi()["paths"].items() if "get" in answers}, "worker": worker}


@pytest.mark.parametrize("manifest", kubernetes(), ids=title)
def test_a_manifest_is_what_its_schema_says(manifest: Manifest) -> None:
    assert faults(manifest) == []


def test_a_misspelt_field_and_a_wrong_type_are_seen() -> None:
    misspelt, wrong, scaled = (
        copy.deepcopy(one)
        for one in (named("Deployment", "worker"), named("Service", "server"), named("ScaledObject", "worker"))
    )
    misspelt["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    wrong["spec"]["ports"][0]["port"] = "http"
    scaled["spec"]["maxReplicas"] = 3
    assert ["livenessprobe" in fault for fault in faults(misspelt)] == [True]
    assert ["ports/0/port" in fault for fault in faults(wrong)] == [True]
    assert ["maxReplicas" in fault for fault in faults(scaled)] == [True]


def test_kustomize_takes_every_file_and_renders_every_object() -> None:
    listed = yaml.safe_load((DIRECTORY / "kustomization.yaml").read_text(encoding="utf-8"))
    assert {*listed["resources"], "kustomization.yaml"} == {path.name for path in DIRECTORY.glob("*.yaml")}
    assert {image["name"] for image in listed["images"]} == {container["image"] for _, container in containers()}
    kubectl = shutil.which("kubectl")
    if kubectl:
        command = [kubectl, "kustomize", str(DIRECTORY)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        rendered = [one for one in yaml.safe_load_all(done.stdout) if one]
        assert sorted(map(title, rendered)) == sorted(map(title, kubernetes()))
        assert [fault for one in rendered for fault in faults(one)] == []
        assert {one["metadata"].get("namespace") for one in rendered if one["kind"] != "Namespace"} == {"trustscore"}


def test_every_variable_is_a_setting_of_the_process_that_gets_it() -> None:
    shared = set(named("ConfigMap", "trustscore")["data"])
    assert shared <= settings_of(worker=True, server=True) | OBJECT_STORE
    assert not shared & SECRET, "what is secret stands in the Secret"
    for name, container in containers():
        known = settings_of(worker=name == "worker", server=name != "worker")
        assert environment(name, container).keys() <= known, name
        assert {one[kind]["name"] for one in container["envFrom"] for kind in one} == {"trustscore"}


def test_a_variable_that_is_no_setting_reaches_no_process() -> None:
    # For a Service "trustscore-worker" Kubernetes would set TRUSTSCORE_WORKER_PORT=tcp://…, which is no port.
    assert [pod["spec"]["enableServiceLinks"] for pod in pods().values()] == [False] * len(pods())


def test_every_command_is_one_of_the_command_line() -> None:
    from analytics.cli.lake import app as lake
    from analytics.cli.main import COMMANDS

    assert {name: container["args"] for name, container in containers()} == {
        "worker": ["worker"], "server": ["serve"], "maintenance": ["lake", "maintain"],
    }  # fmt: skip
    assert {"worker", "serve", "lake"} <= set(COMMANDS)
    assert "maintain" in {command.name for command in lake.registered_commands}


def test_every_probe_asks_a_route_of_its_process_at_the_port_that_is_bound() -> None:
    known, probed = routes(), 0
    for name, container in containers():
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if probe in container:
                asked = container[probe]["httpGet"]
                assert asked["path"] in known[name]
                assert asked["port"] in ports
                probed += 1
        annotated = pods()[name]["metadata"].get("annotations", {})
        if ports:
            setting = {"worker": "TRUSTSCORE_WORKER", "server": "TRUSTSCORE_HTTP"}[name]
            bound = environment(name, container)
            assert {bound[f"{setting}_PORT"]} == {str(port) for port in ports.values()}
            assert bound[f"{setting}_HOST"] == "0.0.0.0", "the default is loopback, where no probe reaches it"
            assert annotated["prometheus.io/port"] == bound[f"{setting}_PORT"]
            assert annotated["prometheus.io/path"] in known[name]
    assert probed == 6


def test_selectors_select_the_pods_they_are_about() -> None:
    for deployment in of_kind("Deployment"):
        assert selected(deployment["spec"]["selector"]) == {deployment["metadata"]["name"]}
    for budget in of_kind("PodDisruptionBudget"):
        assert selected(budget["spec"]["selector"]) == {budget["metadata"]["name"]}
    for pod in pods().values():
        for spread in pod["spec"].get("topologySpreadConstraints", []):
            assert selects(spread["labelSelector"], pod["metadata"]["labels"])


def test_the_service_leads_to_a_port_of_the_server() -> None:
    (service,) = of_kind("Service")
    assert selected({"matchLabels": service["spec"]["selector"]}) == {"server"}
    ports = {port["name"] for port in pods()["server"]["spec"]["containers"][0]["ports"]}
    assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_an_eviction_leaves_a_server_and_takes_one_worker_at_a_time() -> None:
    budgets = {one["metadata"]["name"]: one["spec"] for one in of_kind("PodDisruptionBudget")}
    assert budgets["worker"]["maxUnavailable"] == 1
    assert 1 <= budgets["server"]["minAvailable"] < named("Deployment", "server")["spec"]["replicas"]


def test_the_autoscaler_owns_the_number_of_workers_and_asks_for_no_more_than_have_partitions() -> None:
    spec = named("ScaledObject", "worker")["spec"]
    target = named("Deployment", spec["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"], "an apply would undo what the autoscaler did"
    partitions = int(named("ConfigMap", "trustscore")["data"]["TRUSTSCORE_PARTITIONS"])
    assert spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"] == partitions


def test_the_autoscaler_asks_for_series_that_workers_show() -> None:
    queries = [trigger["metadata"]["query"] for trigger in named("ScaledObject", "worker")["spec"]["triggers"]]
    assert unknown(queries) == []
    assert any("trustscore_consumer_lag" in query for query in queries)
    assert all(query.startswith("sum(") for query in queries), "a threshold is of one worker, so it divides the sum"


def test_nothing_comes_in_but_questions_and_scrapes() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    let_in = {name: spec for name, spec in policies.items() if "ingress" in spec}
    assert {name: selected(spec["podSelector"]) for name, spec in let_in.items()} == {
        "questions": {"server"}, "metrics": {"server", "worker"},
    }  # fmt: skip
    for spec in let_in.values():
        bound = {
            port["containerPort"]
            for name in selected(spec["podSelector"])
            for port in pods()[name]["spec"]["containers"][0]["ports"]
        }
        rules = spec["ingress"]
        assert all(rule["from"] for rule in rules), "an empty list would be everybody"
        assert {port["port"] for rule in rules for port in rule["ports"]} == bound


def test_every_process_reaches_kafka_and_the_store_where_the_settings_say_they_are() -> None:
    data = named("ConfigMap", "trustscore")["data"]
    policies = {one["metadata"]["name"]: one["spec"] for one in of_kind("NetworkPolicy")}
    assert selected(policies["out"]["podSelector"]) == set(pods())
    host, _, port = data["TRUSTSCORE_BROKER"].partition(":")
    allowed = [(rule.get("to"), {one["port"] for one in rule["ports"]}) for rule in policies["out"]["egress"]]
    to_kafka = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": host.split(".")[1]}}}]
    assert (to_kafka, {int(port)}) in allowed
    assert data["AWS_ENDPOINT_URL"].startswith("https://")
    assert (None, {443}) in allowed
    assert selected(policies["catalog"]["podSelector"]) == {"server"}


@pytest.mark.parametrize("name", ["worker", "server", "maintenance"])
def test_a_pod_runs_as_nobody_in_particular_and_says_what_it_needs(name: str) -> None:
    spec = pods()[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert all("sizeLimit" in volume["emptyDir"] for volume in volumes.values())
    for container in spec["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        for limits in (container["resources"]["requests"], container["resources"]["limits"]):
            assert {"cpu", "memory"} <= limits.keys()
        mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert mounted.keys() == {"/tmp", "/data"}, "all else is read-only"
        assert set(mounted.values()) == volumes.keys()


def test_a_worker_has_time_for_its_last_flush() -> None:
    assert pods()["worker"]["spec"]["terminationGracePeriodSeconds"] >= 3 * STOP_S
