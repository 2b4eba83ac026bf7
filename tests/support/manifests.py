"""The files of ``infra/`` as data, and what the code says they may name: settings, routes, metrics, commands."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]
import yaml  # type: ignore[import-untyped]
from prometheus_client.metrics import MetricWrapperBase

from analytics.metrics import METRICS
from analytics.settings import Settings
from streams.settings import WorkerSettings
from streams.telemetry import Telemetry

__all__ = [
    "INFRA",
    "OBJECT_STORE",
    "Manifest",
    "compose",
    "faults",
    "kubernetes",
    "metric_series",
    "series_of",
    "settings_of",
    "unknown",
]

INFRA: Final = Path(__file__).resolve().parents[2] / "infra"
Manifest = dict[str, Any]
OBJECT_STORE: Final = {
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_ALLOW_HTTP",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
}
"""What deltalake and obstore read: ``tests/support/s3_server.py`` runs a lake with exactly these."""
_SELECTOR: Final = re.compile(r"(trustscore_\w+|up)\b(?:\{([^}]*)\})?")
_LABEL: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING: Final = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
SCRAPED: Final = frozenset({"job", "instance", "namespace"})
"""Labels that Prometheus adds."""


@cache
def kubernetes() -> tuple[Manifest, ...]:
    """Every object of the files that ``kustomization.yaml`` lists, in order."""
    listed = yaml.safe_load((INFRA / "k8s" / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    texts = [(INFRA / "k8s" / name).read_text(encoding="utf-8") for name in listed]
    return tuple(one for text in texts for one in yaml.safe_load_all(text) if one)


@cache
def compose() -> Manifest:
    """``compose.yaml`` with its anchors resolved; variables stay as they are written."""
    found: Manifest = yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))
    return found


@cache
def _schema(name: str) -> Manifest:
    found: Manifest = json.loads((INFRA / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def faults(given: Manifest) -> list[str]:
    """What the schema of its kind finds wrong with a manifest; of a compose file, when it has no kind."""
    kind = given.get("kind")
    if kind is None:
        schema = _schema("compose")
    elif kind == "ScaledObject":
        schema = _schema("keda")
    else:
        known = _schema("kubernetes")
        schema = {**known["kinds"][kind], "$defs": known["$defs"]}
    checked = jsonschema.Draft202012Validator(schema)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in checked.iter_errors(given)]


def settings_of(*, worker: bool, server: bool) -> set[str]:
    """Variables that a process reads."""
    fields = (WorkerSettings.model_fields if worker else {}, Settings.model_fields if server else {})
    return {f"TRUSTSCORE_{name.upper()}" for one in fields for name in one}


@cache
def metric_series() -> Mapping[str, frozenset[str]]:
    """Labels of every series that worker and server show, by its name; a histogram has three."""
    found: dict[str, frozenset[str]] = {"up": frozenset()}
    kinds: list[tuple[str, str, tuple[str, ...]]] = [(name, one.kind, one.labels) for name, one in METRICS.items()]
    for one in vars(Telemetry()).values():
        if isinstance(one, MetricWrapperBase):
            facts = next(iter(one.collect()))
            kinds.append((facts.name + ("_total" if facts.type == "counter" else ""), facts.type, one._labelnames))
    for name, kind, labels in kinds:
        if kind == "histogram":
            found |= {f"{name}{end}": frozenset(labels) for end in ("_sum", "_count")}
            found[f"{name}_bucket"] = frozenset({*labels, "le"})
        else:
            found[name] = frozenset(labels)
    return found


def series_of(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Series of a PromQL expression, each with the labels that it is selected by; then ``""`` with those of grouping.

    >>> list(series_of('sum by (topic) (trustscore_consumer_lag{partition="1"})'))
    [('trustscore_consumer_lag', {'partition'}), ('', {'topic'})]
    """
    for name, selected in _SELECTOR.findall(expression):
        yield name, set(_LABEL.findall(selected))
    grouped = {label.strip() for labels in _GROUPING.findall(expression) for label in labels.split(",")}
    if grouped:
        yield "", grouped


def unknown(expressions: Iterable[str]) -> list[str]:
    """Series and labels in PromQL expressions that nothing here shows."""
    known, wrong = metric_series(), []
    for expression in expressions:
        found = list(series_of(expression))
        if not any(name for name, _ in found):
            wrong.append(f"{expression}: names no series")
        labels = SCRAPED.union(*(known.get(name, frozenset()) for name, _ in found))
        for name, used in found:
            if name and name not in known:
                wrong.append(f"{expression}: there is no {name}")
            elif extra := used - (labels if not name else known[name] | SCRAPED):
                wrong.append(f"{expression}: {name} has no label {', '.join(sorted(extra))}")
    return wrong
