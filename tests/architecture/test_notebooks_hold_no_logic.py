"""Notebooks call, show and plot; what decides lives in the packages, where it is typed and tested."""

import ast
import re
import sys
from typing import Final

import pytest

from infra.notebooks import NOTEBOOKS, Cell, read

NAMES: Final = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
OURS: Final = {"compiled", "scoring", "streams", "analytics"}
TO_SHOW: Final = {"matplotlib", "msgspec", "numpy", "pandas", "polars", "pyarrow"}
LOGIC: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.While, ast.If, ast.Try, ast.Match)
LONGEST_CELL: Final = 30
PATH_OF_ONE_MACHINE: Final = re.compile(r"(?<![\w.~}])/(?:root|home|Users|work|tmp|var)/\w|[A-Z]:\\\\\w")


def code_of(name: str) -> list[Cell]:
    return [cell for cell in read(NOTEBOOKS / name).cells if cell.cell_type == "code"]


def trees(name: str) -> list[ast.Module]:
    """Code cells as Python reads them, without the lines that only IPython knows."""
    return [ast.parse(re.sub(r"(?m)^[%!].*$", "", cell.source)) for cell in code_of(name)]


def imported(tree: ast.Module) -> set[str]:
    """First words of what a cell imports."""
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in found}


def logic_in(source: str) -> list[str]:
    return [ast.unparse(node).splitlines()[0] for node in ast.walk(ast.parse(source)) if isinstance(node, LOGIC)]


def test_there_are_the_three_notebooks() -> None:
    assert [name[:3] for name in NAMES] == ["01_", "02_", "03_"]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_decides_nothing(name: str) -> None:
    assert [line for tree in trees(name) for line in logic_in(ast.unparse(tree))] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_fits_a_screen(name: str) -> None:
    lengths = {cell.source.splitlines()[0]: len(cell.source.splitlines()) for cell in code_of(name)}
    assert {first: length for first, length in lengths.items() if length > LONGEST_CELL} == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_calls_our_packages_and_plots(name: str) -> None:
    used = set().union(*map(imported, trees(name)))
    assert used & OURS
    assert used <= OURS | TO_SHOW | sys.stdlib_module_names
    assert any("matplotlib" in imported(tree) for tree in trees(name)), "a notebook has plots"


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_was_run_from_top_to_bottom_before_it_was_committed(name: str) -> None:
    code = code_of(name)
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "run 'make notebooks'"
    assert [output for cell in code for output in cell.outputs if output.output_type == "error"] == []
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_holds_no_timings_and_no_path_of_one_machine(name: str) -> None:
    assert all("execution" not in cell.metadata for cell in code_of(name)), "run 'make notebooks'"
    text = (NOTEBOOKS / name).read_text(encoding="utf-8")
    without_pictures = re.sub(r'"image/png": "[^"]*"', "", text)
    assert PATH_OF_ONE_MACHINE.findall(without_pictures) == []


@pytest.mark.parametrize("source", ["def f(): return 1", "if True:\n    x = 1", "while x:\n    pass", "class C: ..."])
def test_logic_is_seen(source: str) -> None:
    assert logic_in(source)
    assert not logic_in("names = [f(x) for x in range(3) if x]\nkey = lambda row: row.n")
