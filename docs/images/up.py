"""Draws ``docs/images/up.svg``: a real first run of half a minute, as its screen showed it last.

python docs/images/up.py
"""

import io
import re
import tempfile
from dataclasses import replace
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from analytics.local import first_run, screen
from analytics.local.view import View

PICTURE = Path(__file__).with_name("up.svg")
FONTS = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def main() -> None:
    """Run, keep the last view, draw it without the fonts that rich would fetch from elsewhere."""
    with tempfile.TemporaryDirectory() as scratch:
        plan = first_run.Plan(
            Path(scratch), "127.0.0.1", http_port=None, seed=7, rate=25.0, for_s=30.0, broker_cap_bytes=1_000_000_000
        )
        view = first_run.run(plan, Console(width=screen.WIDE)).view
        addresses = {name: where.replace(scratch, "trustscore-data") for name, where in view.addresses.items()}
    draw(replace(view, left_s=None, addresses=addresses, remarks=()))


def draw(view: View) -> None:
    """Save the picture of one view."""
    console = Console(record=True, force_terminal=True, width=screen.WIDE, file=io.StringIO())
    console.print(screen.picture(view))
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
        "Fira Code, monospace", FONTS
    )
    console.save_svg(str(PICTURE), title="make up", code_format=form)


if __name__ == "__main__":
    main()
