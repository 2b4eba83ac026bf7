"""The screen of a first run: pure functions from a ``View`` to what rich prints, or to one plain line."""

from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analytics.local.view import Row, View

__all__ = ["arrow", "ending", "line", "picture"]

NOTHING: Final = "–"
"""What stands for no evidence: never a zero."""
_STEADY: Final = 0.02
"""A success rate that moved by less is steady."""
_BAR: Final = 20


def picture(view: View, rows: int | None = None) -> RenderableType:
    """The whole screen: providers, figures, addresses.

    Parameters
    ----------
    view
        What to show.
    rows
        Most providers to show, the worst ones kept: they are what one looks for; None: all.
    """
    return Group(_headline(view), _providers(view, rows), _figures(view), _addresses(view), *map(_remark, view.remarks))


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
    left = "Ctrl-C stops everything" if view.left_s is None else f"stops by itself in {max(0, view.left_s):.0f} s"
    return Text.assemble(
        ("TrustScore", "bold"), f"  {len(view.scored)} providers scored, best first; {left}",
        ("  answers from the lake: Kafka is away", "yellow") if view.stale else "",
    )  # fmt: skip


def _providers(view: View, most: int | None) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for name in ("provider", "acts"):
        table.add_column(name, no_wrap=True)
    for name in ("score", "± 90 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for name in ("reports", "p95 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("flags", no_wrap=True, overflow="ellipsis")
    hidden = 0 if most is None else max(0, len(view.rows) - most)
    best = (len(view.rows) - hidden) // 2
    for place, row in enumerate(view.rows):
        if hidden and best <= place < best + hidden:
            if place == best:
                table.add_row(f"… {hidden} more", style="dim")
            continue
        table.add_row(*_cells(row))
    if not view.rows:
        table.add_row("waiting for the first scores", style="dim")
    return table


def _cells(row: Row) -> tuple[str | Text, ...]:
    colour = _colour(row)
    half = None if row.lower is None or row.upper is None else (row.upper - row.lower) / 2
    return (
        row.provider_id,
        Text(row.acts.replace("_", " "), "dim"),
        Text(NOTHING if row.score is None else f"{row.score:.3f}", f"bold {colour}"),
        NOTHING if half is None else f"{half:.3f}",
        Text("━" * round((row.score or 0.0) * _BAR), colour),
        f"{row.n:,}",
        NOTHING if row.p95_ms is None else f"{row.p95_ms:,.0f}",
        Text(arrow(row.trend), {"↑": "green", "↓": "red"}.get(arrow(row.trend), "dim")),
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
