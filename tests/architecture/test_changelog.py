"""The fragments of ``changelog.d`` have the form its README asks for."""

import re
from pathlib import Path

FRAGMENTS = Path(__file__).resolve().parents[2] / "changelog.d"
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\.(added|changed|fixed|removed|security)\.md")


def test_fragments_are_named_by_what_and_kind() -> None:
    names = [path.name for path in FRAGMENTS.iterdir() if path.name != "README.md"]
    assert [name for name in names if not NAME.fullmatch(name)] == []


def test_a_fragment_is_a_sentence_or_two() -> None:
    texts = {path.name: path.read_text(encoding="utf-8").strip() for path in FRAGMENTS.glob("*.*.md")}
    assert [name for name, text in texts.items() if not text.endswith(".") or len(text.splitlines()) > 3] == []
