from typing import Any, Self, cast

import pytest

from benchmarks.engine import MATTERS, PEERS, SHAPES, VARIANTS, Engine
from benchmarks.harness import Row
from benchmarks.peers.bench import Bench, Run, Variant
from benchmarks.peers.peer import Counted, Unavailable
from benchmarks.support.processes import Sample

COUNT = 1_000


class Told:
    """A bench that measures nothing: every worker takes 1 s, then 2 and 3 s, Kafka Streams 4 s, then 3, 2 and 1 s."""

    def __init__(self, *, jvm: bool = True) -> None:
        self.done: list[str] = []
        self._jvm, self._jvm_s = jvm, iter((4.0, 3.0, 2.0, 1.0, 1.0, 1.0))

    def fill(self, backlog: Any, *, arrow: bool = False, count: int | None = None) -> None:
        self.done.append(f"fill {backlog.shape.name}{' arrow' if arrow else ''} {count or backlog.count}")

    def peer(self, name: str, backlog: Any, count: int | None = None) -> Counted:
        self.done.append(name)
        if name == "kafka_streams_windows":
            if not self._jvm:
                raise Unavailable("no Maven")
            return Counted(COUNT, next(self._jvm_s), 2.0)
        return Counted(count or COUNT, 2.0, 2.0)

    def measure(self, variant: Variant, count: int) -> Run:
        self.done.append(variant.name)
        took_s = float(self.done.count(variant.name))
        return Run((Sample(0.0), Sample(took_s, count, count, emitted=1)), 0.0, 1.0, 1, 1, committed_s=9.0)

    def rows(self, *wanted: str) -> dict[str, Row]:
        return {row.name: row for row in Engine(cast(Bench, self), COUNT, 200, set(wanted)).rows()}

    @classmethod
    def without_jvm(cls) -> Self:
        return cls(jvm=False)


def test_kafka_streams_runs_right_before_and_right_after_each_row_of_ours() -> None:
    told = Told()
    rows = told.rows("fold-score-json", "fold-score-json-2-workers")
    jvm = "kafka_streams_windows"
    assert told.done == ["fill even 1000", jvm, "fold-score-json", jvm, *["fold-score-json-2-workers"] * 3, jvm]
    first, second = rows["engine/fold-score-json"], rows["engine/fold-score-json-2-workers"]
    assert first.peer_value == pytest.approx((COUNT / 4 + COUNT / 3) / 2)
    assert second.peer_value == pytest.approx((COUNT / 3 + COUNT / 2) / 2)
    assert rows["engine/kafka-streams-json"].value == pytest.approx((COUNT / 4 + COUNT / 3 + COUNT / 2) / 3)


def test_without_maven_ours_are_measured_and_their_ratio_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    rows = Told.without_jvm().rows("fold-score-json-2-workers")
    ours = rows["engine/fold-score-json-2-workers"]
    values = {name: row.value for name, row in rows.items()}
    assert (ours.peer_value, ours.ratio(values), ours.judged(ours.ratio(values))) == (None, None, None)
    assert capsys.readouterr().err.count("is left out, and ratios to it: no Maven") == 1


def test_arrow_is_compared_with_what_kafka_streams_does_with_json() -> None:
    told = Told()
    rows = told.rows("fold-score-arrow-2-workers")
    assert told.done[1:] == ["kafka_streams_windows", "fill even arrow 1000", "fold-score-arrow-2-workers"]
    ours = rows["engine/fold-score-arrow-2-workers"]
    assert ours.ratio({name: row.value for name, row in rows.items()}) == 4.0


def test_a_shape_is_compared_with_the_even_case_of_the_same_run() -> None:
    told = Told()
    wanted = {"shape-unkeyed", "fold-score-json-2-workers"}
    rows = told.rows(*wanted)
    assert told.done[-4:] == ["fill shape-unkeyed 1000", *["shape-unkeyed"] * 3]
    shape = rows["engine/shape-unkeyed"]
    assert shape.value == pytest.approx((COUNT + COUNT / 2 + COUNT / 3) / 3), "the mean of three runs"
    assert shape.facts["runs"] == [1_000.0, 500.0, 333.33]
    assert (shape.peer, shape.target_ratio) == ("engine/fold-score-json-2-workers", 0.7)


def test_slow_peers_get_fewer_reports_and_say_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PEERS, "quix-json", ("quix_windows", 100))
    told = Told()
    rows = told.rows("quix-json")
    assert told.done == ["fill even 100", "quix_windows"]
    assert rows["engine/quix-json"].facts["reports"] == 100


def test_everything_has_a_name_of_its_own() -> None:
    assert len(set(MATTERS)) == len(MATTERS) == 1 + len(VARIANTS) + len(SHAPES) + len(PEERS)
