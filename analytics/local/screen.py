"""The screen of a first run: pure functions from a ``View`` to what rich prints, or to one plain line."""

from typing import Final, NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analytics.local.view import Row, View

__all__ = ["arrow", "ending", "line", "picture"]

NOTHING: Final = "–"
"""What stands for no evidence: never a zero."""
_STEADY: Final = 0.05
"""A success rate that moved by less is steady."""
_BAR: Final = 14
WIDE: Final = 132
"""Characters that everything needs."""


class _Column(NamedTuple):
    name: str
    is_number: bool = False
    from_width: int = 0
    """Narrower screens leave it out."""
    least: int = 0


_COLUMNS: Final = (
    _Column("provider", least=len("… 999 more")),
    _Column("acts", from_width=100),
    _Column("score", is_number=True),
    _Column("± 90 %", is_number=True),
    _Column("", from_width=120),
    _Column("reports", is_number=True),
    _Column("p95 ms", is_number=True),
    _Column(""),
    _Column("flags"),
)


def picture(view: View, rows: int | None = None, width: int = WIDE) -> RenderableType:
    """The whole screen: providers, figures, addresses.

    Parameters
    ----------
    view
        What to show.
    rows
        Lines for providers; where they do not suffice, the middle of the ranking is left out. None: all.
    width
        Of the screen, characters.
    """
    return Group(
        _headline(view), _providers(view, rows, width), _figures(view), _addresses(view), *map(_remark, view.remarks)
    )


def line(view: View) -> str:
    """The same in one line, for logs and pipes.

    >>> line(View(folded=1_200, folded_per_s=25.0, lag=0, elapsed_s=12.0))
    '  12 s  0 providers scored, 1,200 reports folded, 25/s, lag 0, broker – MB'
    """
    scored = view.scored
    worst = f", lowest {scored[-1].provider_id} {scored[-1].score:.3f}" if scored else ""
    return (
        f"{view.elapsed_s:4.0f} s  {len(scored)} providers scored, {_count(view.folded)} reports folded, "
        f"{_count(view.folded_per_s)}/s, lag {_count(view.lag)}, broker {_megabytes(view.broker_bytes)} MB{worst}"
    )


def ending(view: View, run_dir: str) -> list[str]:
    """Sentences that sum the run up."""
    scored = sorted(view.scored, key=lambda row: row.score or 0.0)
    told = [f"{len(scored)} providers scored from {_count(view.folded)} reports in {view.elapsed_s:.0f} s."]
    if scored:
        lowest = ", ".join(f"{row.provider_id} {row.score:.3f}{_acting(row)}" for row in scored[:3])
        highest = ", ".join(f"{row.provider_id} {row.score:.3f}{_acting(row)}" for row in scored[:-4:-1])
        told += [f"Lowest:  {lowest}.", f"Highest: {highest}."]
    return [*told, f"What this run kept is in {run_dir}."]


def arrow(trend: float | None) -> str:
    """Which way the success rate of the last five minutes departs from that of the hour.

    >>> [arrow(trend) for trend in (0.1, 0.0, -0.1, None)]
    ['↑', '→', '↓', '·']
    """
    if trend is None:
        return "·"
    return "→" if abs(trend) < _STEADY else "↑" if trend > 0 else "↓"


def _headline(view: View) -> RenderableType:
    left = "Ctrl-C stops everything"
    if view.left_s is not None:
        left = f"stops by itself in {view.left_s:.0f} s" if view.left_s > 0 else "ended"
    return Text.assemble(
        ("TrustScore", "bold"), f"  {len(view.scored)} providers scored, best first; {left}",
        ("  answers from the lake: Kafka is away", "yellow") if view.stale else "",
    )  # fmt: skip


def _providers(view: View, most: int | None, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", expand=True)
    cells = [_cells(row) for row in view.rows]
    columns = [index for index, column in enumerate(_COLUMNS) if width >= column.from_width]
    for index in columns:
        column = _COLUMNS[index]
        widest = max((len(row[index]) for row in cells), default=0)
        fixed = None if column.name == "flags" else max(widest, len(column.name), column.least)
        table.add_column(
            column.name, justify="right" if column.is_number else "left", no_wrap=True, overflow="ellipsis",
            min_width=fixed, max_width=fixed, ratio=1 if fixed is None else None,
        )  # fmt: skip
    hidden = 0 if most is None else max(0, len(cells) - max(2, most - 1))
    best = (len(cells) - hidden) // 2
    for place, row in enumerate(cells):
        if hidden and place == best:
            table.add_row(Text(f"… {hidden} more", "dim"))
        if not best <= place < best + hidden:
            table.add_row(*(row[index] for index in columns))
    if not cells:
        table.add_row(Text("waiting", "dim"))
    return table


def _cells(row: Row) -> tuple[Text, ...]:
    colour, trend = _colour(row), arrow(row.trend)
    half = None if row.lower is None or row.upper is None else (row.upper - row.lower) / 2
    return (
        Text(row.provider_id),
        Text(row.acts.replace("_", " "), "dim"),
        Text(NOTHING if row.score is None else f"{row.score:.3f}", f"bold {colour}"),
        Text(NOTHING if half is None else f"{half:.3f}"),
        Text("━" * round((row.score or 0.0) * _BAR), colour),
        Text(f"{row.n:,}"),
        Text(NOTHING if row.p95_ms is None else f"{row.p95_ms:,.0f}"),
        Text(trend, {"↑": "green", "↓": "red"}.get(trend, "dim")),
        Text(", ".join(row.flags), "yellow"),
    )


def _colour(row: Row) -> str:
    if row.score is None:
        return "dim"
    return "green" if row.score >= 0.85 else "yellow" if row.score >= 0.7 else "red"


def _figures(view: View) -> Text:
    return Text.assemble(
        ("reports folded ", "dim"), _count(view.folded), f" ({_count(view.folded_per_s)}/s)",
        ("   lag ", "dim"), _count(view.lag), ("   rejected ", "dim"), _count(view.rejected),
        ("   broker ", "dim"), f"{_megabytes(view.broker_bytes)} of {_megabytes(view.broker_cap_bytes)} MB",
        ("   up ", "dim"), f"{view.elapsed_s:.0f} s",
    )  # fmt: skip


def _addresses(view: View) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, address in view.addresses.items():
        table.add_row(Text(name, "dim"), Text(address, "cyan", overflow="fold"))
    return table


def _remark(sentence: str) -> Text:
    return Text(sentence, "yellow")


def _acting(row: Row) -> str:
    return f" ({row.acts.replace('_', ' ')})" if row.acts else ""


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:,.0f}"


def _megabytes(value: int | None) -> str:
    return NOTHING if value is None else f"{value / 1e6:,.0f}"
