"""Whose word counts in a changelog partition: owners follow one another, and what an earlier one says late is void.

A worker that was paused for longer than its session does not know that its partitions went to a successor. What it
still sends lands behind the successor's entries, where a reader would take it for newer. So every owner opens its term
with a record of its own, and marks its entries with the number of the term; an entry of an earlier term is left out,
unless it states what is true whoever says it, as those of report ids do (``streams.id_codec``).

Terms are generations of the consumer group, in which every partition has one owner. The opening records have a key
for each term, so that compaction keeps them all.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["TERM_HEADER", "Ledger", "Overtaken", "opening_key", "term_of"]

TERM_HEADER: Final = "term"
"""Header of every entry: the number of its writer's term in decimal. Versions before wrote none."""


class Overtaken(Exception):
    """Another worker has opened a later term in this partition: this one owns it no more."""

    def __init__(self, partition: int, own: int, found: int) -> None:
        self.partition, self.own, self.found = partition, own, found
        super().__init__(
            f"changelog partition {partition} must be of term {own}; found term {found}: another worker owns it now; "
            "nothing is to be done, this one gets its share at the next rebalance"
        )


def opening_key(partition: int, term: int) -> bytes:
    """Key of the record that opens a term."""
    return b"%d/term/%d" % (partition, term)


def term_of(headers: "dict[str, bytes] | list[tuple[str, bytes]] | None") -> int | None:
    """Term of an entry by its headers; ``None`` for one that a version before wrote.

    >>> term_of([("term", b"7")]), term_of({"term": b"7"}), term_of(None)
    (7, 7, None)
    """
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return next((int(value) for name, value in pairs if name == TERM_HEADER), None)


@dataclass(slots=True)
class Ledger:
    """What one worker knows of one changelog partition, told in the order of the log."""

    partition: int
    term: int = 0
    """The latest term that was seen."""
    last: int = -1
    """Offset of the last record that was read or written by this worker."""
    own: int | None = None
    """The term in which this worker owns the partition; ``None`` while it does not."""
    stale: int = 0
    """Entries that came when a later term had begun."""
    strange: int = 0
    """Offsets between two of this worker's records that hold something else."""

    def counts(self, offset: int, term: int | None) -> bool:
        """Whether an entry that was read counts: it is new here, and of the latest term.

        One without a term counts always: a version before wrote it, which may have owned the partition since.
        """
        if offset <= self.last:
            return False
        self.last = offset
        if term is None:
            return True
        if term < self.term:
            self.stale += 1
            return False
        self.term = term
        return True

    def next_term(self, generation: int) -> int:
        """Number of a term that begins now.

        The generation, unless the group was forgotten and began to count anew: then one more than any before. The
        caller must then make sure that it is a member still: a worker of an earlier generation would get the same.
        """
        return generation if generation > self.term else self.term + 1

    def opened(self, term: int, offset: int) -> None:
        """The record that opens this worker's term lies at ``offset``; all before it was read.

        Raises
        ------
        Overtaken
            When a later term, or another with the same number, had begun before it.
        """
        if self.term >= term:
            raise Overtaken(self.partition, term, self.term)
        self.term = self.own = term
        self.last = offset

    def written(self, offset: int) -> None:
        """An entry of this worker lies at ``offset``; what lies between it and the one before is not known here."""
        self.strange += max(0, offset - self.last - 1)
        self.last = max(self.last, offset)

    @property
    def disturbances(self) -> int:
        """Entries of others, as far as this worker knows: each hides one of its own once the log is compacted."""
        return self.stale + self.strange
