"""``trustscore catalog``: look providers up, and import entries."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from analytics.catalog import CATEGORIES, BadDatabaseUrl, BadImport, Catalog, CatalogEntry, CatalogError, ImportResult
from analytics.catalog.formats import entry_fields
from analytics.cli.output import BAD_INPUT, FAILED, JsonOption, emit_json, note, refuse, say
from scoring.reports import PROVIDER_ID

__all__ = ["app"]

_TABLE_ROWS = 50

app = typer.Typer(
    help="Look up providers (id, name, task types, category, source, endpoint) and import more of them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[
    Path, typer.Option("--data-dir", envvar="TRUSTSCORE_DATA_DIR", help="Where imported entries are kept.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database-url", envvar="TRUSTSCORE_DATABASE_URL", help="Keep them in this database instead."),
]


@app.command("list")
def list_entries(
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    task: Annotated[str | None, typer.Option(help="Only providers of this task type, exact ones first.")] = None,
    search: Annotated[str, typer.Option(help="Words in id, name, task types or category.")] = "",
    limit: Annotated[
        int | None, typer.Option(min=0, help="At most so many; 0 for all.", show_default=f"{_TABLE_ROWS}; JSON: all")
    ] = None,
    as_json: JsonOption = False,
    data_dir: DataDir = Path("trustscore-data"),
    database_url: DatabaseUrl = None,
) -> None:
    """List providers, best match first."""
    with _said_plainly():
        if category is not None and category.casefold() not in CATEGORIES:
            wanted, step = ", ".join(CATEGORIES), _near(category, CATEGORIES)
            refuse(f"--category must be one of {wanted}; got {category!a}; {step}", BAD_INPUT)
        catalog = Catalog.open(data_dir, database_url)
        found = catalog.search(search, task, category)
        most = (None if as_json else _TABLE_ROWS) if limit is None else (limit or None)
        if as_json:
            emit_json(json.dumps([entry_fields(entry) for entry in found[:most]], ensure_ascii=False, indent=2))
        else:
            _print_list(found[:most], len(found), len(catalog))


@app.command("show")
def show_entry(
    provider_id: Annotated[str, typer.Argument(metavar="ID", help="A provider's id.")],
    as_json: JsonOption = False,
    data_dir: DataDir = Path("trustscore-data"),
    database_url: DatabaseUrl = None,
) -> None:
    """Show what is known about one provider, and its peers."""
    with _said_plainly():
        if PROVIDER_ID.match(provider_id) is None:
            wanted = "1 to 200 characters of A-Z a-z 0-9 . _ : / @ -"
            refuse(f"ID must be {wanted}; got {provider_id!a}; correct it", BAD_INPUT)
        catalog = Catalog.open(data_dir, database_url)
        entry = catalog.get(provider_id)
        if entry is None:
            step = _near(provider_id, [known.provider_id for known in catalog.all()])
            refuse(f"provider {provider_id} is not among the {len(catalog)} in the catalog; {step}", FAILED)
        peers = catalog.peers(provider_id)
        if as_json:
            emit_json(json.dumps({**entry_fields(entry), "peers": peers}, ensure_ascii=False, indent=2))
        else:
            _print_entry(entry, peers)


@app.command("import")
def import_entries(
    file: Annotated[Path, typer.Argument(help=".csv, .json, .jsonl or .ndjson; the registry's server.json too.")],
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave unusable entries out and list them; else one keeps all out.")
    ] = False,
    category: Annotated[str | None, typer.Option(help="For entries that state no category.")] = None,
    as_json: JsonOption = False,
    data_dir: DataDir = Path("trustscore-data"),
    database_url: DatabaseUrl = None,
) -> None:
    """Import entries; an entry of the same id is replaced."""
    with _said_plainly():
        result = Catalog.open(data_dir, database_url).import_file(file, skip_bad, category)
        if as_json:
            emit_json(json.dumps(asdict(result), ensure_ascii=False, indent=2))
        else:
            _print_result(result)


@contextmanager
def _said_plainly() -> Iterator[None]:
    try:
        yield
    except (BadImport, BadDatabaseUrl) as error:
        refuse(str(error), BAD_INPUT)
    except CatalogError as error:
        refuse(str(error), FAILED)


def _near(wanted: str, known: Iterable[str]) -> str:
    near = get_close_matches(wanted.casefold(), list(known), n=3)
    return f"did you mean {' or '.join(near)}?" if near else "trustscore catalog list --search WORD finds some"


def _print_list(entries: list[CatalogEntry], matches: int, known: int) -> None:
    table = Table(box=None, pad_edge=False)
    table.add_column("id", overflow="fold", ratio=3)
    table.add_column("name", ratio=3)
    table.add_column("category", no_wrap=True)
    table.add_column("task types", ratio=4)
    for entry in entries:
        cells = (entry.provider_id, entry.name, entry.category or "-", ", ".join(entry.task_types) or "-")
        # Text, not str: square brackets in a name are no markup.
        table.add_row(*map(Text, cells))
    say(table)
    more = "" if len(entries) == matches else f", {len(entries)} shown (--limit 0 shows all)"
    say(Text(f"{matches} of {known} providers{more}"))


def _print_entry(entry: CatalogEntry, peers: tuple[str, ...]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    facts = {
        "id": entry.provider_id,
        "name": entry.name,
        "task types": ", ".join(entry.task_types),
        "category": f"{entry.category} ({CATEGORIES.get(entry.category, '')})" if entry.category else "",
        "source": entry.source or "",
        "endpoint": entry.endpoint or "",
        "origin": entry.origin,
        f"peers ({len(peers)})": ", ".join(peers),
    }
    for label, fact in facts.items():
        table.add_row(label, Text(fact or "-", overflow="fold"))
    say(table)


def _print_result(result: ImportResult) -> None:
    for fault in result.skipped:
        note(f"left out: {fault}")
    parts = [f"{result.added} added", f"{result.replaced} replaced", f"{result.unchanged} unchanged"]
    if result.superseded:
        parts.append(f"{result.superseded} older or deleted versions passed over")
    if result.skipped:
        places = len({fault.place for fault in result.skipped})
        parts.append(f"{places} left out")
    say(Text(f"{result.file}: {', '.join(parts)}"))
