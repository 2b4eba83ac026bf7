import math
from pathlib import Path
from typing import Any

import pytest

from analytics import assembly
from analytics.evidence_rows import SPEAKS, _text, rows_of
from analytics.lake import Lake
from analytics.models import Origin
from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from tests.support.lake_maker import LakeMaker
from tests.support.small_answers import NOW_S


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ScoreRecord]]:
    """Two providers, tasks and regions; a report states what its number divides by."""
    root = tmp_path_factory.mktemp("rows")
    reports: list[dict[str, Any]] = [
        {
            "provider_id": ("a", "b")[number % 2],
            "outcome": ("success", "failure", "timeout", "error")[number % 4 if number % 3 == 0 else 0],
            "timestamp": NOW_S - 600 * number,
            "task_type": ("search", "mail")[number % 5 == 0],
            "region": ("eu", "us")[number % 7 < 3],
            **({"latency_ms": 100.0} if number % 2 else {}),
            **({"quality": 0.9} if number % 3 else {}),
            **({"cost_usd": 0.1} if number % 4 else {}),
            **({"data_age_s": 10.0} if number % 5 else {}),
            **({"security": []} if number % 6 else {}),
            **({"rate_limited": False} if number % 7 else {}),
            **({"consistency": "ok"} if number % 8 else {}),
        }
        for number in range(300)
    ]
    maker = LakeMaker(root)
    records = maker.add(reports, NOW_S)
    maker.add([{**report, "timestamp": NOW_S} for report in reports[:50]], NOW_S, with_scores=False)
    return root, records


def test_the_rows_of_an_explanation_are_those_it_counts(made: tuple[Path, list[ScoreRecord]]) -> None:
    root, records = made
    assert {record.facet for record in records} == {"", "task=search", "task=mail", "region=eu", "region=us"}
    with Lake(root) as lake:
        for record in records:
            answer = assembly.explain(record, "name", record.facet, NOW_S, Origin("live"))
            assert answer.rows == rows_of(record)
            for item in answer.contributions:
                count = len(lake.rows(f"{answer.rows} and {item.rows} order by timestamp limit 100_000", {}))
                assert count == item.n, (record.facet, item.dimension)
            assert len(lake.rows(f"{answer.rows} limit 100_000", {})) == record.n  # not the fifty that came later


def test_contributions_and_the_evidence_adjustment_add_up_exactly(made: tuple[Path, list[ScoreRecord]]) -> None:
    for record in made[1]:
        answer = assembly.explain(record, "name", record.facet, NOW_S, Origin("live"))
        added = sum(item.contribution for item in answer.contributions) + answer.evidence_adjustment
        assert added == answer.trust_score
        assert all(item.sentence and math.isfinite(item.contribution) for item in answer.contributions)


def test_every_dimension_has_its_rows_and_a_quote_ends_no_text() -> None:
    assert tuple(SPEAKS) == DIMENSIONS
    assert _text("it's") == "'it''s'"
