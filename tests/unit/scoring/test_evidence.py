from dataclasses import replace

import numpy as np
import pytest

from scoring.anomalies import no_baseline
from scoring.evidence import Evidence, InvalidEvidence
from tests.support.scoring_cases import evidence_of, repeat

EVIDENCE = evidence_of([repeat(3), repeat(4, region="eu")])


def test_evidence_of_nobody_is_allowed() -> None:
    nobody = evidence_of([repeat(1)])
    sliced = Evidence(
        nobody.windows[:0], nobody.sketches[:0], no_baseline(0), np.zeros(0), nobody.region_windows, nobody.region_of
    )
    assert len(sliced.windows) == 0


@pytest.mark.parametrize("name", ["sketches", "last_report_s", "region_windows"])
def test_an_array_of_the_wrong_shape_is_named(name: str) -> None:
    with pytest.raises(InvalidEvidence, match=f"{name} of the evidence must have shape") as caught:
        replace(EVIDENCE, **{name: getattr(EVIDENCE, name)[:0]})
    assert caught.value.wanted != caught.value.got


def test_a_baseline_of_other_entities_is_refused() -> None:
    with pytest.raises(InvalidEvidence, match="baseline"):
        replace(EVIDENCE, baseline=no_baseline(3))
