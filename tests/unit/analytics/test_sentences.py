from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics.sentences import (
    MEANINGS,
    age,
    check_sentence,
    contribution_sentence,
    explain_sentences,
    rank_sentence,
    rfc3339,
)  # fmt: skip
from scoring.flags import FLAGS
from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from scoring.weights import Weights
from tests.support.services import small_records
from tests.support.small_answers import FAILING


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> ScoreRecord:
    records = small_records(Path(tmp_path_factory.mktemp("sentences")))
    return next(record for record in records if record.provider_id == FAILING and record.facet == "")


def test_every_dimension_has_its_meaning_in_words() -> None:
    assert tuple(MEANINGS) == DIMENSIONS


def test_every_flag_is_put_into_words(failing: ScoreRecord) -> None:
    said = check_sentence(replace(failing, flags=list(FLAGS)), "", 0, stale_because=None)
    assert [flag for flag in FLAGS if "_" in flag and flag in said] == []


def test_a_check_says_score_interval_evidence_and_warnings(failing: ScoreRecord) -> None:
    said = check_sentence(failing, "", 10, stale_because=None)
    assert said.startswith(f"{FAILING}: trust {failing.trust_score:.2f} (90 % interval {failing.lower:.2f} to ")
    assert "120 reports in 90 days. Careful: " in said
    assert "Not live" not in said


def test_a_check_says_when_it_is_for_all_instead_of_the_task_asked(failing: ScoreRecord) -> None:
    said = check_sentence(failing, "task=sql", 10, stale_because=None)
    assert "Nothing is known for task type sql alone; this is for all reports." in said


def test_a_check_of_a_facet_says_which_and_nothing_of_all_reports(failing: ScoreRecord) -> None:
    said = check_sentence(replace(failing, facet="region=eu"), "region=eu", 10, stale_because=None)
    assert said.startswith(f"{FAILING} for region eu: trust ")
    assert "all reports" not in said


def test_a_stale_answer_says_how_old_it_is(failing: ScoreRecord) -> None:
    said = check_sentence(failing, "", 7_200, stale_because="Kafka does not answer")
    assert said.endswith("Not live, since Kafka does not answer: this is what was known 2 h ago.")


def test_without_a_score_nothing_is_made_up(failing: ScoreRecord) -> None:
    nothing = replace(failing, trust_score=None, lower=None, upper=None)
    said = check_sentence(nothing, "", 0, stale_because=None)
    assert said.endswith("no report in the last 90 days, so there is no score.")


def test_an_explanation_names_what_costs_most_and_what_is_absent(failing: ScoreRecord) -> None:
    said = explain_sentences(failing, "", 0, stale_because=None)
    lost = {
        name: found.weight * (1 - found.value)
        for name, found in failing.dimensions.items()
        if found.value is not None and found.weight > 0
    }
    worst = max(lost, key=lambda name: lost[name])
    assert said[1] == f"What costs it most is {worst}: {lost[worst]:.3f} of the score."
    absent = [name for name, found in failing.dimensions.items() if found.value is None]
    assert said[-1] == f"Without evidence, hence without weight: {', '.join(absent)}."


def test_a_contribution_tells_of_an_unusual_level(failing: ScoreRecord) -> None:
    found = replace(failing.dimensions["uptime"], z_score=-4.2)
    assert contribution_sentence("uptime", found).endswith("4.2 standard deviations below its own usual level.")
    assert contribution_sentence("uptime", replace(found, z_score=None)).endswith(f"adds {found.contribution:.3f}.")
    assert contribution_sentence("uptime", replace(found, value=None)) == "uptime: no evidence."


def test_an_empty_ranking_says_where_to_look() -> None:
    assert rank_sentence([], 0, None, "sql") == (
        "No provider has reports for task type sql; discover finds candidates in the catalog."
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "120 min"), (172_800, "2 days")]
)
def test_an_age_has_the_unit_that_fits(seconds: float, words: str) -> None:
    assert age(seconds) == words


def test_times_are_utc_with_milliseconds_and_none_stays_none() -> None:
    assert rfc3339(1_760_000_000.1234) == "2025-10-09T08:53:20.123Z"
    assert rfc3339(None) is None


@pytest.mark.parametrize(
    "moment_s", [0.0, 1.001, 59.9999996, 1_700_000_039.9994, 1_700_000_040.0, 1_795_401_465.535036]
)
def test_times_are_those_of_the_standard_library(moment_s: float) -> None:
    usual = datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert rfc3339(moment_s) == usual


def test_an_explanation_says_that_adopted_weights_are_in_use(failing: ScoreRecord) -> None:
    adopted = replace(failing, weights=asdict(Weights(latency=0.4, uptime=0.0, error_rate=0.1)))
    said = explain_sentences(adopted, "", 0, stale_because=None)
    assert said[1] == (
        "Adopted weights are in use, not the default ones: latency 0.400 instead of 0.150, uptime 0.000 instead of "
        "0.200, error_rate 0.100 instead of 0.150."
    )
    assert not any("Adopted" in line for line in explain_sentences(failing, "", 0, stale_because=None))
