import asyncio
import copy
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from analytics.models import Answer, CheckAnswer, HistoryAnswer, Interval, ZScores
from scoring.records import ScoreRecord
from tests.support.services import small_records, small_service
from tests.support.small_answers import FAILING, SLASHED, STEADY


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def records(root: Path) -> list[ScoreRecord]:
    return small_records(root)


@pytest.mark.parametrize("provider", [FAILING, SLASHED, STEADY])
def test_an_unchecked_answer_is_what_checking_would_give(root: Path, records: list[ScoreRecord], provider: str) -> None:
    made = asyncio.run(small_service(root, records).answers.check(provider))
    text = made.model_dump_json()
    assert CheckAnswer.model_validate_json(text) == made
    assert CheckAnswer.model_validate(made.model_dump()).model_dump_json() == text
    assert TypeAdapter(CheckAnswer).dump_json(made).decode() == text
    assert made.model_fields_set == set(CheckAnswer.model_fields)


def test_an_unchecked_answer_is_a_model_like_any_other() -> None:
    fast, usual = Interval.trusted({"lower": 0.1, "upper": 0.4, "level": 0.9}), Interval(lower=0.1, upper=0.4)
    assert fast == usual
    assert repr(fast) == repr(usual)
    assert copy.deepcopy(fast) == usual
    assert fast.model_copy(update={"upper": 0.5}).upper == 0.5
    with pytest.raises(ValueError, match="frozen"):
        fast.lower = 0.2


@pytest.mark.parametrize("model", [Interval, ZScores, CheckAnswer], ids=lambda model: str(model.__name__))
def test_every_answer_knows_its_fields(model: type[Answer]) -> None:
    assert model._all_fields == set(model.model_fields)


def test_the_points_of_a_history_are_what_checking_them_would_give(root: Path, records: list[ScoreRecord]) -> None:
    made = asyncio.run(small_service(root, records).answers.history(STEADY, since=0.0))
    assert made.points
    assert HistoryAnswer.model_validate_json(made.model_dump_json()) == made
    assert HistoryAnswer.model_validate(made.model_dump()).model_dump_json() == made.model_dump_json()
