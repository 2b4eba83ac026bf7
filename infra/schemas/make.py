"""Writes the schemas beside this file, from where their projects publish them; what they are made of says the README.

``python infra/schemas/make.py --kubernetes DIRECTORY --keda FILE --compose FILE``. Only the kinds that
``infra/k8s`` uses are kept, with all they refer to, and descriptions are left out.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]

HERE: Final = Path(__file__).resolve().parent
KINDS: Final = {
    "ConfigMap": "configmap-v1",
    "Deployment": "deployment-apps-v1",
    "Namespace": "namespace-v1",
    "NetworkPolicy": "networkpolicy-networking-v1",
    "PodDisruptionBudget": "poddisruptionbudget-policy-v1",
    "Secret": "secret-v1",
    "Service": "service-v1",
    "ServiceAccount": "serviceaccount-v1",
}
"""Kind: its file in the directory of one Kubernetes version, without ``.json``."""
REFERENCE: Final = re.compile(r"^.*#/\$defs/")


def plain(node: Any) -> Any:
    """A schema without descriptions and Kubernetes' own marks, its references all within one document."""
    if isinstance(node, list):
        return [plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for name, value in node.items():
        if name.startswith("x-kubernetes-") or (name in ("description", "title") and isinstance(value, str)):
            continue
        kept[name] = REFERENCE.sub("#/$defs/", value) if name == "$ref" else plain(value)
    return kept


def references(node: Any) -> Iterable[str]:
    """Names of the definitions that a schema refers to."""
    if isinstance(node, list):
        for one in node:
            yield from references(one)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/$defs/")
        for one in node.values():
            yield from references(one)


def of_kubernetes(directory: Path) -> dict[str, Any]:
    """One document: a definition for each kind, and those they refer to."""
    known = json.loads((directory / "_definitions.json").read_text(encoding="utf-8"))["$defs"]
    kinds = {
        kind: plain(json.loads((directory / f"{name}.json").read_text(encoding="utf-8")))
        for kind, name in KINDS.items()
    }
    wanted, kept = set(references(kinds)), {}
    while wanted:
        name = wanted.pop()
        kept[name] = plain(known[name])
        wanted |= set(references(kept[name])) - kept.keys()
    return {"kinds": kinds, "$defs": dict(sorted(kept.items()))}


def closed(node: Any) -> Any:
    """A schema whose objects take no property that it does not name, as a server refuses those it does not know."""
    if isinstance(node, list):
        return [closed(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {name: closed(value) for name, value in node.items()}
    if isinstance(kept.get("properties"), dict) and "additionalProperties" not in kept and "type" in kept:
        kept["additionalProperties"] = False
    return kept


def of_keda(file: Path) -> dict[str, Any]:
    """The schema of ``ScaledObject`` in the version that is stored."""
    crd = yaml.safe_load(file.read_text(encoding="utf-8"))
    version = next(one for one in crd["spec"]["versions"] if one["storage"])
    schema: dict[str, Any] = closed(plain(version["schema"]["openAPIV3Schema"]))
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


def main() -> int:
    """Write the three files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubernetes", type=Path, required=True, help="kubernetes-json-schema/v1.35.0-local-strict")
    parser.add_argument("--keda", type=Path, required=True, help="config/crd/bases/keda.sh_scaledobjects.yaml")
    parser.add_argument("--compose", type=Path, required=True, help="schema/compose-spec.json")
    given = parser.parse_args()
    written = {
        "kubernetes": of_kubernetes(given.kubernetes),
        "keda": of_keda(given.keda),
        "compose": plain(json.loads(given.compose.read_text(encoding="utf-8"))),
    }
    for name, schema in written.items():
        text = json.dumps(schema, separators=(",", ":"), sort_keys=True)
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
