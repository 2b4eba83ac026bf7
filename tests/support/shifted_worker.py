"""``python -m tests.support.shifted_worker SECONDS``: a worker on a machine whose clock is wrong by so much.

All that asks Python for the time gets the wrong one: the worker, Faust and the Kafka client in it.
"""

import sys
import time
from typing import Final

REAL: Final = time.time
SHIFT_S: Final = float(sys.argv[1])


def shifted() -> float:
    """Epoch seconds of the wrong clock."""
    return REAL() + SHIFT_S


if __name__ == "__main__":
    time.time = shifted
    from streams.worker import main  # takes time.time as it stands

    sys.exit(main())
