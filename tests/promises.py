"""What TrustScore promises, sentence by sentence, and which tests keep each promise.

The sentences stand by area in ``tests/promised``. ``tests/architecture/test_promises.py`` checks both directions: every
test named there exists, and every test under ``tests/integration``, ``contract`` and ``chaos``, and every test marked
``@pytest.mark.promise("id")``, is named.
"""

from typing import Final

from tests.promised import (
    adopted_weights,
    answers,
    attacks,
    brokers,
    catalog,
    chaos,
    cli,
    client,
    compiled,
    credibility,
    docs,
    engine,
    faults,
    first_run,
    lake,
    many_providers,
    memory,
    prediction,
    prediction_in_service,
    project,
    rest,
    scaling,
    scores,
    speed,
    streams,
)
from tests.promised.promise import Promise

__all__ = ["PROMISES", "Promise"]

AREAS: Final = (
    adopted_weights,
    answers,
    attacks,
    brokers,
    catalog,
    chaos,
    cli,
    client,
    compiled,
    credibility,
    docs,
    engine,
    faults,
    first_run,
    lake,
    many_providers,
    memory,
    prediction,
    prediction_in_service,
    project,
    rest,
    scaling,
    scores,
    speed,
    streams,
)
PROMISES: Final[dict[str, Promise]] = {id_: promise for area in AREAS for id_, promise in area.PROMISES.items()}
