"""The score loop: pane updates into scores."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import msgspec
import numpy as np
from faust import Stream
from faust.types import TP, TopicT
from numpy.typing import NDArray

from scoring.book import Book
from scoring.panes import Ints
from scoring.windows import next_move_s
from streams.agents.waiting import Partition, Waiting, all_of, take_run
from streams.books import flush_book, load_book, was_torn
from streams.codec import decode_updates
from streams.settings import WorkerSettings
from streams.steps.score import ScoreState, merge, move, restored, score_these
from streams.steps.turns import Turns
from streams.tables import BookTable
from streams.telemetry import Telemetry
from streams.topics import PANES
from streams.weights import adopted_weights

__all__ = ["ScoreLoop"]

Clock = Callable[[], float]
SLICE: Final = 50
"""Entities scored in one call, within which nothing else is done."""
GENERAL_SHARE: Final = 2 / 3
"""Of a slice, the places that general scores of providers have before those of their tasks and regions: most questions
are about them, and there are fewer of them. Whoever leaves places free leaves them to the others."""
FACET_RESTS: Final = 5
"""How many times as long as general scores those of tasks and regions rest. There are several of a provider: scored as
often as it, they took most of the loop's time, and all that a question is about came later."""
ROUND_SHARE: Final = 0.05
"""Of the time since the last round, what slices may take before a round ends: so much of it is spent on scores even
when rounds are far apart, because reports wait to be folded."""


@dataclass(slots=True)
class Held(Partition[ScoreState]):
    """What is scored of a partition, and how far it was read."""

    through: int = -1
    """Last offset of the pane topic that was taken in."""
    is_torn: bool = False
    """Whether the state may hold panes behind what it has last seen, until ``torn_until`` was taken in again."""
    torn_until: int | None = None
    """Where the pane topic ended when this was first asked; ``None``: the broker has not said yet."""
    looked_s: float = inf
    """When this was last looked through for who is due."""
    quiet_until_s: float = -inf
    """Until when nobody comes to be due, as of then: a rest is over, or the windows move on."""

    def quiet_s(self, now_s: float) -> float:
        """Seconds for which nobody here comes to be due unless panes come; 0 where it is to be looked through."""
        is_known = self.looked_s <= now_s and not self.state.changed  # the clock may have been set back
        return max(0.0, self.quiet_until_s - now_s) if is_known else 0.0


class ScoreLoop:
    """``trust.panes`` → windows, dimensions, scores → ``trust.scores``."""

    def __init__(
        self,
        settings: WorkerSettings,
        table: BookTable,
        scores: TopicT,
        telemetry: Telemetry,
        clock: Clock,
        end_of: Callable[[int], int | None],
        timer: Clock = time.perf_counter,
    ) -> None:
        self._settings, self._table, self._scores, self._end_of = settings, table, scores, end_of
        self._telemetry, self._clock, self._timer = telemetry, clock, timer
        self._partitions: dict[int, Held] = {}
        self._turns: dict[int, Turns] = {}
        self._sent: list[Awaitable[Any]] = []
        self._flushing = asyncio.Lock()
        self._last_round = timer()
        self._weights = adopted_weights(settings.weights)
        self.merged = asyncio.Event()
        """Set when panes were taken in."""

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Let go of the state of partitions that leave."""
        for tp in partitions:
            if tp.topic == PANES:
                self._partitions.pop(tp.partition, None)
                self._telemetry.entities.remove(str(tp.partition))
                self._turns.pop(tp.partition, None)

    def prepare(self, partition: int) -> None:
        """Hold the state of a partition, also where nothing new comes for it: its windows still move.

        They are made now: two seconds for four partitions of 10,000 providers, best spent before a backlog is read.
        """
        move(self._open(partition).state, self._clock())

    def quiet_s(self) -> float:
        """Seconds for which nobody comes to be due unless panes come; 0 where that is to be looked up."""
        now_s = self._clock()
        return min((held.quiet_s(now_s) for held in self._partitions.values()), default=0.0)

    def _open(self, partition: int) -> Held:
        held = self._partitions.get(partition)
        if held is None:
            book: Book = load_book(self._table, partition)
            held = self._partitions[partition] = Held(restored(book), is_torn=was_torn(self._table, partition))
            self._turns[partition] = Turns()
        return held

    def _is_torn(self, number: int, held: Held) -> bool:
        """Whether scores would name reports that are not in their sums yet: a flush before broke off half way.

        What it had not written lies between the committed offset and the end of the topic, and is taken in again.
        """
        if held.is_torn:
            if held.torn_until is None:
                held.torn_until = self._end_of(number)
            held.is_torn = held.torn_until is None or held.through + 1 < held.torn_until
        return held.is_torn

    async def run(self, stream: Stream[Any]) -> None:
        """The agent: merge the panes of each chunk."""
        async for event in stream.noack().events():
            if not self._table.accepts(event.message):
                continue
            held = self._open(event.message.partition)
            for record in take_run(event):
                merge(held.state, decode_updates(record.value))
            held.through = event.message.offset
            held.waiting.events.append(event)
            self.merged.set()

    async def tick(self) -> None:
        """Score who is due and waits longest, and send what a reader would see differently.

        One slice, and more of them while they take less than ``ROUND_SHARE`` of the time since the last round. Whoever
        is left is scored by a later one: each round takes the ``SLICE`` that wait longest.
        """
        started = self._timer()
        spare_s, self._last_round = ROUND_SHARE * (started - self._last_round), started
        try:
            while await self._slice(self._clock(), self._settings.score_s) and self._timer() - started < spare_s:
                await asyncio.sleep(0)
        except BaseException:
            self._say_all_again()
            raise
        self._telemetry.score_s.observe(self._timer() - started)

    async def finish(self, within_s: float) -> None:
        """Score everyone who waits, also who was scored a moment ago, for up to ``within_s`` seconds.

        Whoever is left is scored by the next owner, who scores all.
        """
        until = self._timer() + within_s
        self._look_at_all()
        while await self._slice(self._clock(), 0.0) and self._timer() < until:
            await asyncio.sleep(0)

    async def _slice(self, now_s: float, rest_s: float) -> bool:
        """Of those who have rested score who comes first; whether others are due.

        General scores rest ``rest_s`` seconds, those of tasks and regions ``FACET_RESTS`` times as long.
        """
        chosen, more = self._chosen(now_s, rest_s)
        for record in score_these(chosen, self._weights):
            key = f"{record.provider_id}|{record.facet}" if record.facet else record.provider_id
            self._sent.append(await self._scores.send(key=key.encode(), value=msgspec.json.encode(record)))
            self._telemetry.emitted.inc()
        return more

    def _chosen(self, now_s: float, rest_s: float) -> tuple[list[tuple[ScoreState, Ints]], bool]:
        """Entities of each partition that are scored now, and whether others are due."""
        due: list[tuple[int, Ints]] = []
        places, general = [], []
        for number, held in self._partitions.items():
            if self._is_torn(number, held) or held.quiet_s(now_s):
                continue
            turns, state = self._turns[number], held.state
            turns.grow(len(state.entities))
            self._telemetry.entities.labels(str(number)).set(len(state.entities))
            turns.moved(move(state, now_s), now_s)
            turns.reported(np.fromiter(state.changed, np.int64), now_s)
            state.changed.clear()
            rests_s = np.where(state.is_facet[: len(state.entities)], FACET_RESTS * rest_s, rest_s)
            entities, place_s = turns.due(now_s, rests_s)
            held.looked_s = now_s
            if not len(entities):
                held.quiet_until_s = min(turns.due_from_s(rests_s), next_move_s(now_s))
                continue
            held.quiet_until_s = -inf
            due.append((number, entities))
            places.append(place_s)
            general.append(~state.is_facet[entities])
        if not due:
            return [], False
        place_s = np.concatenate(places)
        first = _first(place_s, np.concatenate(general))
        chosen, at = [], 0
        for number, entities in due:
            ours = entities[first[at : at + len(entities)]]
            at += len(entities)
            if len(ours):
                self._turns[number].take(ours, now_s)
                chosen.append((self._partitions[number].state, ours))
        return chosen, len(place_s) > SLICE

    def _look_at_all(self) -> None:
        for held in self._partitions.values():
            held.quiet_until_s = -inf

    def _say_all_again(self) -> None:
        """Whichever score failed, all go out with the next tick."""
        self._look_at_all()
        for number, held in self._partitions.items():
            held.state.said.clear()
            self._turns[number].all_again(len(held.state.entities))

    async def flush(self) -> None:
        """Write the state, then acknowledge what it holds."""
        async with self._flushing:
            sent, self._sent = self._sent, []
            try:
                await asyncio.gather(*sent)
            except BaseException:
                self._say_all_again()
                raise
            await all_of(self._written(number, held) for number, held in list(self._partitions.items()))

    async def _written(self, number: int, held: Held) -> None:
        """Write the state of a partition, unless it left, and acknowledge what it holds."""
        if self._partitions.get(number) is not held:
            return
        waiting, held.waiting = held.waiting, Waiting()
        held.state.book.recent.clear()
        try:
            await flush_book(self._table, number, held.state.book, held.state.as_of_s)
        except BaseException:
            held.waiting.events[:0] = waiting.events
            raise
        if self._partitions.get(number) is held:  # else its events belong to the next owner
            for event in waiting.events:
                event.ack()


def _first(place_s: NDArray[np.float64], is_general: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whose places come first, ``SLICE`` of them at most, with ``GENERAL_SHARE`` for general scores.

    Of those that share a place in the order the rest of a slice goes to tasks and regions first.
    """
    first = np.zeros(len(place_s), bool)
    if len(place_s) <= SLICE:
        first[:] = True
        return first
    order = np.lexsort((is_general, place_s))
    first[order[is_general[order]][: round(GENERAL_SHARE * SLICE)]] = True
    others = order[~first[order]]
    first[others[: SLICE - np.count_nonzero(first)]] = True
    return first
