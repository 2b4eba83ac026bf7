"""The notebooks run as they are, without a broker or a network, and show what is committed."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from nbclient.exceptions import CellExecutionError

from infra.notebooks import NOTEBOOKS, Cell, code, executed, kernel_place, read, write

pytestmark = pytest.mark.notebook

NAMES: Final = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
NUMBER: Final = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?")
# Refuses what leaves the process by Python's sockets; the kernel's own talk goes through ZeroMQ, which is none of them.
OFFLINE: Final = """
import sys

def _refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise ConnectionError(f"a notebook must run offline; it called {event}")

sys.addaudithook(_refuse)
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written at home, and no broker is where the settings say."""
    for variable, place in kernel_place(tmp_path).items():
        monkeypatch.setenv(variable, place)
    monkeypatch.setenv("TRUSTSCORE_BROKER", "127.0.0.1:9")


def shown(cells: Iterable[Cell]) -> list[str]:
    """What each output says in text, in order; of a picture that it is there."""
    outputs: list[Any] = [output for cell in cells for output in cell.get("outputs", ())]
    return [
        output.text if output.output_type == "stream" else f"{sorted(output.data)}\n{output.data.get('text/plain', '')}"
        for output in outputs
    ]


def numbers(texts: list[str]) -> list[float]:
    return [float(number) for text in texts for number in NUMBER.findall(text)]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs_offline_and_shows_what_is_committed(name: str) -> None:
    committed = shown(read(NOTEBOOKS / name).cells)
    now = shown(executed(NOTEBOOKS / name, before=OFFLINE))
    step = "if the change is meant, run 'make notebooks' and commit the outputs"
    assert [NUMBER.sub("#", text) for text in now] == [NUMBER.sub("#", text) for text in committed], step
    assert numbers(now) == pytest.approx(numbers(committed), rel=1e-9), step


def test_a_notebook_that_asks_the_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "asks.ipynb"
    write(path, [code("import socket\nsocket.create_connection(('127.0.0.1', 9))")])
    with pytest.raises(CellExecutionError, match="a notebook must run offline"):
        executed(path, before=OFFLINE)
