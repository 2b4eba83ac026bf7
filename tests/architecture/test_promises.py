"""``tests/promises.py`` and the tests agree, both ways."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.promises import PROMISES, Promise

ROOT = Path(__file__).resolve().parents[2]
PLACES_OF_PROMISES = ("tests/integration", "tests/contract", "tests/chaos")


def named_in(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Every test of a file as ``path::name``, with the promise ids it is marked with."""
    file = path.relative_to(ROOT).as_posix()
    for node in ast.parse(path.read_text(encoding="utf-8"), filename=file).body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            for inner in node.body:
                if is_test(inner):
                    yield f"{file}::{node.name}::{inner.name}", marked(inner) | marked(node)
        elif is_test(node):
            yield f"{file}::{node.name}", marked(node)


def is_test(node: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def marked(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """Ids in ``@pytest.mark.promise("id", …)`` decorators."""
    return {
        argument.value
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.promise"
        for argument in decorator.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


@pytest.fixture(scope="module")
def known_tests() -> dict[str, set[str]]:
    files = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "sdks").rglob("test_*.py")]
    return {test: ids for file in files for test, ids in named_in(file)}


@pytest.mark.parametrize("promise_id", PROMISES)
def test_a_promise_is_kept_by_tests_that_exist(promise_id: str, known_tests: dict[str, set[str]]) -> None:
    promise = PROMISES[promise_id]
    assert promise.tests or promise.command, f"{promise_id} names neither a test nor a command"
    missing = [test for test in promise.tests if test not in known_tests]
    assert not missing, f"{promise_id} names tests that do not exist: {missing}"


@pytest.mark.parametrize("promise_id", PROMISES)
def test_a_promise_reads_like_one(promise_id: str) -> None:
    assert re.fullmatch(r"[a-z]+(\.[a-z0-9]+(-[a-z0-9]+)*)+", promise_id)
    assert re.fullmatch(r"[A-Z`].+\.", PROMISES[promise_id].sentence), "a promise is one sentence, with its full stop"


def test_sentences_are_unique() -> None:
    sentences = [promise.sentence for promise in PROMISES.values()]
    assert sorted(sentences) == sorted(set(sentences))


def test_commands_are_make_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    commands = {promise.command for promise in PROMISES.values() if promise.command}
    assert {re.match(r"make ([a-z-]+)", command).group(1) for command in commands} <= targets  # type: ignore[union-attr]


def test_every_test_of_behaviour_keeps_a_promise(known_tests: dict[str, set[str]]) -> None:
    named = {test for promise in PROMISES.values() for test in promise.tests}
    unnamed = sorted(test for test in known_tests if test.startswith(PLACES_OF_PROMISES) and test not in named)
    assert not unnamed, "add these to tests/promises.py, under the sentence they keep"


def test_marks_and_promises_agree(known_tests: dict[str, set[str]]) -> None:
    wrong = [
        f"{test} is marked with {promise_id}, which does not name it"
        for test, ids in known_tests.items()
        for promise_id in sorted(ids)
        if test not in PROMISES.get(promise_id, Promise("")).tests
    ]
    assert not wrong
