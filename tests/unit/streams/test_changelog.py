"""Terms: what an owner writes counts until the next one opens its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.changelog import Ledger, Overtaken, opening_key, term_of

Entry = tuple[bytes, str, int | None]


class Owner:
    """A worker that holds one partition: reads the log, opens a term, writes; it may rest between any two steps."""

    def __init__(self, log: list[Entry], generation: int) -> None:
        self.log, self.generation = log, generation
        self.ledger = Ledger(3)
        self.data: dict[bytes, str] = {}
        self.read()

    def read(self) -> None:
        for offset in range(self.ledger.last + 1, len(self.log)):
            key, value, term = self.log[offset]
            if self.ledger.counts(offset, term):
                self.data[key] = value

    def open(self) -> None:
        term = self.ledger.next_term(self.generation)
        place = len(self.log)
        self.log.append((opening_key(3, term), "", term))
        for offset in range(self.ledger.last + 1, place):
            key, value, other = self.log[offset]
            if self.ledger.counts(offset, other):
                self.data[key] = value
        self.ledger.opened(term, place)

    def write(self, key: bytes, value: str) -> None:
        assert self.ledger.own is not None
        self.log.append((key, value, self.ledger.own))
        self.ledger.written(len(self.log) - 1)
        self.data[key] = value


def read_back(log: list[Entry]) -> dict[bytes, str]:
    return {key: value for key, value in Owner(log, 0).data.items() if b"/term/" not in key}


def held_by(owner: Owner) -> dict[bytes, str]:
    return {key: value for key, value in owner.data.items() if b"/term/" not in key}


def opened(log: list[Entry], generation: int) -> Owner:
    owner = Owner(log, generation)
    owner.open()
    return owner


def test_a_late_write_of_an_earlier_owner_does_not_count() -> None:
    log: list[Entry] = []
    paused = opened(log, 1)
    paused.write(b"k", "old")
    successor = opened(log, 2)
    successor.write(b"k", "new")
    paused.write(b"k", "late")
    assert read_back(log) == {b"k": "new"}


def test_what_was_written_before_the_successor_opened_its_term_counts_for_it() -> None:
    log: list[Entry] = []
    paused = opened(log, 1)
    successor = Owner(log, 2)
    paused.write(b"k", "in between")
    successor.open()
    assert held_by(successor) == {b"k": "in between"} == read_back(log)


def test_an_owner_that_was_overtaken_before_it_began_is_told() -> None:
    log: list[Entry] = []
    paused = Owner(log, 1)
    opened(log, 2)
    with pytest.raises(Overtaken, match="partition 3 must be of term 1; found term 2: another worker owns it now"):
        paused.open()
    assert paused.ledger.own is None


def test_strange_entries_between_its_own_are_counted_by_the_owner() -> None:
    log: list[Entry] = []
    paused, successor = opened(log, 1), opened(log, 2)
    successor.write(b"a", "1")
    assert successor.ledger.disturbances == 0
    paused.write(b"a", "late")
    paused.write(b"b", "late")
    successor.write(b"a", "2")
    assert successor.ledger.disturbances == 2


def test_stale_entries_are_counted_by_whom_reads_them() -> None:
    log: list[Entry] = []
    paused, successor = opened(log, 1), opened(log, 2)
    paused.write(b"a", "late")
    successor.write(b"b", "1")
    assert opened(log, 3).ledger.disturbances == 1


def test_entries_of_a_version_without_terms_count() -> None:
    log: list[Entry] = [(b"k", "1", None)]
    opened(log, 4).write(b"k", "2")
    log.append((b"k", "3", None))  # a worker of the version before got the partition in a rolling upgrade
    assert read_back(log) == {b"k": "3"}


def test_a_group_that_was_forgotten_goes_on_behind_its_last_term() -> None:
    log: list[Entry] = []
    opened(log, 500).write(b"k", "1")
    opened(log, 1).write(b"k", "2")
    assert read_back(log) == {b"k": "2"}
    assert [term for key, _, term in log if b"/term/" in key] == [500, 501]


def test_a_record_read_twice_counts_once() -> None:
    ledger = Ledger(0)
    assert [ledger.counts(offset, 1) for offset in (0, 1, 1, 0, 2)] == [True, True, False, False, True]


@pytest.mark.parametrize(
    ("headers", "term"),
    [(None, None), ([], None), ({}, None), ([("a", b"1"), ("term", b"12")], 12), ({"term": b"0"}, 0)],
    ids=["none", "no pairs", "empty", "pairs", "mapping"],
)
def test_the_term_stands_in_the_headers(headers: list[tuple[str, bytes]] | None, term: int | None) -> None:
    assert term_of(headers) == term


@given(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["start", "open", "write"]), st.integers(0, 3)), max_size=60)
)
def test_whoever_is_paused_wherever_the_next_owner_reads_what_the_last_one_holds(
    story: list[tuple[int, str, int]],
) -> None:
    """Workers come in the order of their generations; each may act long after its successors began."""
    log: list[Entry] = []
    owners: list[Owner] = []
    for number, (which, act, key) in enumerate(story):
        if act == "start":
            owners.append(Owner(log, number + 1))
        elif owners and act == "open":
            owner = owners[which % len(owners)]
            if owner.ledger.own is None:
                try:
                    owner.open()
                except Overtaken:
                    owners.remove(owner)
        elif owners and (owner := owners[which % len(owners)]).ledger.own is not None:
            owner.write(b"%d" % key, str(number))
    terms = [owner.ledger.own for owner in owners if owner.ledger.own is not None]
    if terms:
        last = next(owner for owner in owners if owner.ledger.own == max(terms))
        assert read_back(log) == held_by(last)
