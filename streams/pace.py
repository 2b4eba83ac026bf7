"""How long a loop of the worker rests between two rounds: the less folding keeps up, the longer all others do."""

from typing import Final, NamedTuple

__all__ = ["BEHIND", "BEHIND_S", "BUSY", "Pause"]

STEP: Final = 20_000
"""Reports waiting for which others rest once more as long: a second of 20,000 a second."""
BUSY: Final = 2_000
"""Reports waiting, from which on others rest as is meant for a busy worker: a tenth of a second of 20,000 a second."""
BEHIND: Final = 100_000
"""Reports waiting, from which on nobody can see a fresh score yet."""
BEHIND_S: Final = 10.0
"""Most seconds between two rounds of anything but folding, while that many wait or until they are worked off."""


class Pause(NamedTuple):
    """Bounds of a rest, and its length beside that of a round."""

    shortest_s: float
    longest_s: float
    times: float = 1.0
    """Rest after a round, beside what it took, while no reports wait: 1 leaves half of the time to the rounds."""
    busy_times: float = 0.0
    """The same from ``BUSY`` waiting reports on, where it is to be more: 3 leaves a quarter of the time."""

    def after(self, took_s: float, waiting: int, was_behind: bool = False) -> float:
        """Seconds to rest after a round that took ``took_s``, while so many reports wait to be folded.

        The share of the time that a loop gets falls with what waits, without a step: a loop that took a fixed share
        would keep folding behind once it is, and one that stopped would show nothing until it is not.

        ``was_behind`` says that more than ``BEHIND`` waited since the last round began. Then they are worked off first:
        they are folded in less time than a round takes that tells of so many, and one round tells of all, at once.
        Who is woken, as a flush is for which reading waits, does not rest for so long.

        >>> pause = Pause(0.1, 2.0, times=1, busy_times=3)
        >>> [round(pause.after(took_s, waiting), 3) for took_s, waiting in ((0.1, 0), (0.1, 1_000), (0.1, 20_000))]
        [0.1, 0.21, 0.6]
        >>> pause.after(0.02, 0), pause.after(0.1, 10**7)
        (0.1, 10.0)
        >>> pause.after(0.3, 20_000, was_behind=True), pause.after(0.3, 0, was_behind=True)
        (10.0, 0.0)
        """
        if was_behind:
            return max(self.longest_s, BEHIND_S) if waiting > BUSY else 0.0
        longest_s = max(self.longest_s, BEHIND_S) if waiting > BEHIND else self.longest_s
        more = max(0.0, self.busy_times - self.times) * min(1.0, waiting / BUSY)
        return max(self.shortest_s, min((self.times + more) * took_s * (1 + waiting / STEP), longest_s))
