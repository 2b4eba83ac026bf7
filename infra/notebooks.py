"""Executes ``notebooks/`` and writes the outputs back, without timings or paths. ``make notebooks`` runs it."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

__all__ = ["NOTEBOOKS", "Cell", "code", "executed", "kernel_place", "read", "write"]

NOTEBOOKS: Final = Path(__file__).resolve().parents[1] / "notebooks"
CELL_TIMEOUT_S: Final = 120

Cell = Any
"""A cell as nbformat has it: ``source``, ``cell_type``, ``outputs``, ``metadata``."""


def read(path: Path) -> nbformat.NotebookNode:
    """The notebook of a file."""
    notebook: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def write(path: Path, cells: list[Cell]) -> None:
    """Save cells as a notebook for whatever Python 3 is at hand."""
    python = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": python, "language_info": {"name": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)  # type: ignore[no-untyped-call]
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def code(source: str) -> Cell:
    """A code cell."""
    return nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]


def kernel_place(directory: str | Path) -> dict[str, str]:
    """Environment in which Jupyter and matplotlib keep what they write in ``directory``, not at home."""
    names = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    return {name: str(Path(directory) / name.lower()) for name in names}


def executed(path: Path, before: str = "") -> list[Cell]:
    """Cells of a notebook after a run from the first to the last; nothing is written.

    Parameters
    ----------
    path
        The notebook.
    before
        Code to run in the kernel first; it does not show in what is returned.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        At the first cell that fails.
    """
    notebook = read(path)
    notebook.cells.insert(0, code(before))
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    cells: list[Cell] = notebook.cells[1:]
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        _number(cell, number)
    return cells


def _number(cell: Cell, number: int) -> None:
    """Count a cell as if nothing had run before the notebook."""
    cell.execution_count = number
    cell.metadata.pop("execution", None)
    for output in cell.outputs:
        if "execution_count" in output:
            output.execution_count = number


def main() -> int:
    """Execute the named notebooks, or all, in place."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= kernel_place(scratch)
        for path in [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")):
            print(f"executing {path.name}", flush=True)
            write(path, executed(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
