"""``python -m tests.support.shifted_worker SECONDS``: a worker on a machine whose clock is wrong by so much.

All that asks Python for the time gets the wrong one: the worker, Faust and the Kafka client in it.
"""

import sys
import time
from collections.abc import Callable
from typing import Final

REAL: Final = time.time


def shifted(by_s: float) -> Callable[[], float]:
    """A clock that is wrong by so much, epoch seconds."""
    return lambda: REAL() + by_s


if __name__ == "__main__":
    time.time = shifted(float(sys.argv[1]))
    from streams.worker import main  # takes time.time as it stands

    sys.exit(main())
