"""``trustscore worker``: hands this process over to the stream worker."""

import os
import sys

__all__ = ["worker"]


def worker() -> None:
    """Run one stream worker: reports in, scores out.

    It joins the consumer group and shares the partitions with the workers that run already. Settings come from
    TRUSTSCORE_BROKER, TRUSTSCORE_LAKE and the other TRUSTSCORE_ variables (see `trustscore config`). Ctrl-C stops it.
    """
    # The process is replaced: signals and the exit code are the worker's own, and nothing of it is imported here.
    os.execv(sys.executable, [sys.executable, "-m", "streams.worker"])
