"""What became of the reports given to a client."""

from dataclasses import dataclass

__all__ = ["Stats"]


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the client was made (or since the fork that made this process).

    ``queued == sent + dropped + failed + pending`` at every moment; ``invalid`` ones were never queued.
    """

    queued: int = 0
    """Reports taken from the agent."""
    sent: int = 0
    """Acknowledged by the broker or accepted by the server."""
    dropped: int = 0
    """Thrown away unsent: the oldest of a full buffer, what came after ``close``, what was left when that gave up."""
    failed: int = 0
    """Refused by the server or the broker; sending them again would not help."""
    invalid: int = 0
    """Turned away by ``report`` itself."""
    pending: int = 0
    """Waiting, or under way."""
    last_error: str = ""
    """The latest reason for a failure or an invalid report; empty when there was none."""
