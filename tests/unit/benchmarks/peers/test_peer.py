import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import BenchmarkFailed
from benchmarks.peers.environments import ensure_environment
from benchmarks.peers.kafka_streams_windows import SOURCE, first_error, version_of
from benchmarks.peers.peer import TOPIC, Counted, Totals, Unavailable, built_once, counted, last_words
from benchmarks.support.topics import TOPIC as TOPIC_FILLED

WANTED = Totals(reports=4, successes=3, latency_us=1_000)
SAID = {"reports": 4, "seconds": 2.0, "cpu_s": 1.0, "successes": 3, "latency_us": 1_000}


def said(**changed: Any) -> str:
    return "started\n" + json.dumps({**SAID, **changed}) + "\n"


def test_a_peer_is_read_from_the_last_line_it_prints() -> None:
    found = counted("sample", said(), WANTED)
    assert (found, found.per_s, found.cpu_per_million_s) == (Counted(4, 2.0, 1.0), 2.0, 250_000.0)


@pytest.mark.parametrize("field", ["reports", "successes", "latency_us"])
def test_a_peer_that_counts_one_too_few_is_no_result(field: str) -> None:
    with pytest.raises(BenchmarkFailed, match="sample must hold"):
        counted("sample", said(**{field: getattr(WANTED, field) - 1}), WANTED)


def test_a_peer_without_windows_is_judged_by_its_count_alone() -> None:
    line = json.dumps({"reports": 4, "seconds": 2.0, "cpu_s": 1.0})
    assert counted("sample", line, WANTED).reports == 4


@pytest.mark.parametrize(
    "output", ["", "no json", "{}", '{"reports": 4}', "4"], ids=["nothing", "words", "empty", "partly", "number"]
)
def test_a_peer_that_says_something_else_fails_with_what_it_said(output: str) -> None:
    with pytest.raises(BenchmarkFailed, match="sample must end with one line of JSON"):
        counted("sample", output, WANTED)


def test_a_peer_that_took_no_time_is_no_result() -> None:
    with pytest.raises(BenchmarkFailed, match="sample must take time"):
        counted("sample", said(seconds=0.0), WANTED)


def test_an_interrupted_build_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    def fails(made: Path) -> None:
        (made / "half").touch()
        raise Unavailable("no more")

    with pytest.raises(Unavailable):
        built_once(tmp_path / "built", fails)
    assert list(tmp_path.iterdir()) == []


def test_what_is_built_is_not_built_again(tmp_path: Path) -> None:
    def build(made: Path) -> None:
        (made / "whole").touch()

    def never(made: Path) -> None:
        raise AssertionError(made)

    assert built_once(tmp_path / "built", build) == built_once(tmp_path / "built", never) == tmp_path / "built"
    assert (tmp_path / "built" / "whole").exists()


def test_a_library_that_cannot_be_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.environments.CACHE", tmp_path)
    # A name no package can have: pip refuses it before it asks anybody.
    with pytest.raises(Unavailable, match=r"pip must install -not-a-package-=="):
        ensure_environment("-not-a-package-==1")


def test_the_jvm_peer_is_built_again_when_its_source_changes(tmp_path: Path) -> None:
    (tmp_path / "Peer.java").write_text("one")
    one = version_of(tmp_path)
    assert one == version_of(tmp_path)
    (tmp_path / "Peer.java").write_text("two")
    assert version_of(tmp_path) != one


def test_mavens_first_error_is_told() -> None:
    assert first_error("[INFO] a\n[ERROR] no such jar\n[ERROR] Re-run with -X\n") == "[ERROR] no such jar"
    assert (first_error(""), last_words("one\ntwo\n\n")) == ("no output", "two")


def test_peers_read_the_topic_that_is_filled() -> None:
    assert TOPIC == TOPIC_FILLED
    assert f'"{TOPIC}"' in (SOURCE / "src/main/java/trustscore/Peer.java").read_text(encoding="utf-8")
