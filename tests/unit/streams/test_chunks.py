import asyncio
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import IllegalStateError
from faust.types import TP

from streams.chunks import FETCH_WAIT_MS, MOST_CHUNKS, ChunkConsumer
from tests.support.chunk_consumer import REPORTS, consumer_of, play_with_consumer, record_at, worker

REJECTS = TP("trust.rejects", 0)


def with_consumer(check: Callable[[ChunkConsumer], None]) -> None:
    """Check the consumer of a worker."""

    async def story() -> None:
        with worker() as parts:
            check(consumer_of(parts))

    asyncio.run(story())


def hand_over(consumer: ChunkConsumer, tp: TP, *ends: int) -> None:
    """Chunks that end at these offsets were fetched."""
    consumer._handed_over[tp].extend(ends)


def acknowledge(consumer: ChunkConsumer, tp: TP, *ends: int) -> None:
    """As Faust keeps acknowledged messages."""
    for end in ends:
        consumer._acked_index[tp].add(end)
        consumer._acked[tp].append(end)


def test_nothing_is_committed_before_the_first_chunk_is_acknowledged() -> None:
    def check(consumer: ChunkConsumer) -> None:
        assert consumer._new_offset(REPORTS) is None
        hand_over(consumer, REPORTS, 99, 199)
        assert consumer._new_offset(REPORTS) is None

    with_consumer(check)


def test_the_commit_stands_behind_the_last_chunk_before_which_all_are_acknowledged() -> None:
    def check(consumer: ChunkConsumer) -> None:
        hand_over(consumer, REPORTS, 99, 199, 299, 399)
        acknowledge(consumer, REPORTS, 99, 199, 399)
        assert consumer._new_offset(REPORTS) == 200
        assert consumer._new_offset(REPORTS) is None
        acknowledge(consumer, REPORTS, 299)
        assert consumer._new_offset(REPORTS) == 400
        assert consumer._acked[REPORTS] == []
        assert not consumer._acked_index[REPORTS]

    with_consumer(check)


@pytest.mark.parametrize("takes", [True, False])
def test_committed_is_what_the_broker_took_and_is_forgotten_with_the_partition(takes: bool) -> None:
    async def story() -> None:
        with worker() as parts:
            consumer = consumer_of(parts)

            async def commit(offsets: Any) -> bool:
                return takes

            consumer._thread.commit = commit  # type: ignore[method-assign]
            assert consumer.committed(REPORTS) == 0
            await consumer._commit({REPORTS: 200})
            assert consumer.committed(REPORTS) == (200 if takes else 0)
            await consumer.on_partitions_revoked({REPORTS})
            assert consumer.committed(REPORTS) == 0

    asyncio.run(story())


def test_gaps_between_chunk_ends_are_not_expanded_and_those_of_other_topics_are() -> None:
    async def story() -> None:
        with worker() as parts:
            consumer = consumer_of(parts)
            await consumer._add_gap(REPORTS, 0, 10**12)
            await consumer._add_gap(REJECTS, 0, 3)
            assert not consumer._gap[REPORTS]
            assert [(gap.begin, gap.end) for gap in consumer._gap[REJECTS]] == [(0, 4)]

    asyncio.run(story())


def test_a_chunk_is_one_message_at_the_place_of_its_last_record() -> None:
    def check(consumer: ChunkConsumer) -> None:
        run: Any = [record_at(offset) for offset in (5, 6, 9)]
        message = consumer._chunk(REPORTS, run, 3)
        assert (message.topic, message.partition, message.offset) == ("trust.reports", 0, 9)
        assert message.value is run
        assert message.timestamp == 1.009
        assert message.generation_id == 3

    with_consumer(check)


def test_a_partition_of_which_enough_waits_is_left_on_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    other = TP("trust.reports", 1)

    async def story() -> None:
        with worker(poll_records=10) as parts:
            await play(consumer_of(parts))

    async def play(consumer: ChunkConsumer) -> None:
        generation, asked = consumer.app.consumer_generation_id, []

        async def fetched(partitions: set[TP] | None, timeout: float) -> dict[TP, Any]:
            asked.append(partitions)
            return {}

        monkeypatch.setattr(consumer._thread, "getmany", fetched)

        def waits(records: int, generation: int = generation) -> Any:
            chunk = consumer._chunk(REPORTS, [record_at(offset) for offset in range(records)], generation)
            consumer._untaken[REPORTS].append(weakref.ref(chunk))
            return chunk

        both = {REPORTS, other}
        small = waits(9)
        await consumer._getmany(both, 1.0)
        large = waits(1)
        await consumer._getmany(both, 1.0)
        assert await consumer._getmany({REPORTS}, 0.001) == {}
        small.value = None
        await consumer._getmany(both, 1.0)
        tiny = [waits(1) for _ in range(MOST_CHUNKS - 1)]
        await consumer._getmany(both, 1.0)
        del tiny[0]
        await consumer._getmany(both, 1.0)
        late = waits(100, generation - 1)
        await consumer._getmany(both, 1.0)
        assert asked == [both, {other}, both, {other}, both, both]
        assert (len(late.value), len(large.value)) == (100, 1), "both are held still"

    asyncio.run(story())


def test_what_is_read_twice_in_a_generation_is_handed_over_once() -> None:
    def check(consumer: ChunkConsumer) -> None:
        first, again = [record_at(offset) for offset in (5, 6, 9)], [record_at(offset) for offset in (5, 6, 9, 10)]
        assert consumer._new_of(REPORTS, first, 3) == first
        assert consumer._new_of(REPORTS, again, 3) == again[3:]
        assert consumer._new_of(REPORTS, first, 3) == []
        assert consumer._new_of(REPORTS, first, 4) == first, "whoever owns it next reads it anew"
        assert consumer._new_of(REPORTS, [record_at(20)], 4)[0].offset == 20

    with_consumer(check)


def test_what_is_fetched_before_the_recovery_is_complete_is_read_again_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(consumer: ChunkConsumer) -> None:
        seeks = 0

        async def seek() -> None:
            nonlocal seeks
            seeks += 1

        monkeypatch.setattr(consumer, "perform_seek", seek)

        async def passes(*offsets: int, generation: int = 3, is_active: bool = True) -> bool:
            run: Any = [record_at(offset) for offset in offsets]
            return await consumer._passes(REPORTS, run, generation, is_active)

        assert not await passes(7, 8)
        assert not await passes(5, 6)
        assert not await passes(9)
        await consumer.open(3)
        assert seeks == 1, "also when nothing comes behind it"
        assert not await passes(10, 11), "fetched before the seek"
        assert seeks == 2
        assert await passes(4, 5, 6)
        assert await passes(20), "gaps of the log are none"
        assert not await passes(21, is_active=False)
        assert not await passes(22)
        assert seeks == 3
        assert await passes(21)
        assert not await passes(30, generation=4), "another generation opens anew"
        await consumer.open(4)
        assert await passes(30, generation=4)
        assert seeks == 4
        await consumer.open(5)
        assert seeks == 4, "nothing came too early"

    play_with_consumer(play)


def test_a_chunk_handed_over_while_its_partition_was_leaving_holds_up_no_commit_of_the_next_generation() -> None:
    def check(consumer: ChunkConsumer) -> None:
        consumer._new_of(REPORTS, [record_at(5)], 3)
        hand_over(consumer, REPORTS, 5)
        consumer._new_of(REPORTS, [record_at(5), record_at(9)], 4)
        hand_over(consumer, REPORTS, 9)
        acknowledge(consumer, REPORTS, 9)
        assert consumer._new_offset(REPORTS) == 10

    with_consumer(check)


def test_no_look_at_a_partition_whose_position_is_not_known_yet_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(consumer: ChunkConsumer) -> None:
        monkeypatch.setattr(consumer, "assignment", lambda: {REPORTS})
        thread: Any = consumer._thread
        state = SubscriptionState()
        state.assign_from_user([TopicPartition(*REPORTS)])
        driver = SimpleNamespace(_fetcher=SimpleNamespace(_subscriptions=state))
        thread.time_started = 0.0
        monkeypatch.setattr(thread, "_ensure_consumer", lambda: driver)
        monkeypatch.setattr(thread, "_verify_aiokafka_event_path", lambda now, tp: False)
        with pytest.raises(AssertionError):
            thread.verify_event_path(1.0, REPORTS)
        consumer.verify_event_path(1.0, REPORTS)

    with_consumer(check)


def test_a_fetch_that_finds_nothing_keeps_no_partition_waiting_for_long() -> None:
    """The client's own setting is what counts: the fetcher gets it when it starts."""

    async def story() -> None:
        with worker() as parts:
            thread: Any = consumer_of(parts)._thread
            client = thread._create_worker_consumer(consumer_of(parts).transport)
            assert client._fetch_max_wait_ms == FETCH_WAIT_MS <= 100
            await client.stop()

    asyncio.run(story())


def test_partitions_that_leave_are_forgotten_and_told_of() -> None:
    async def story() -> None:
        with worker() as parts:
            await leave(consumer_of(parts))

    async def leave(consumer: ChunkConsumer) -> None:
        heard: list[set[TP]] = []
        consumer.transport.on_revoked = [lambda revoked: heard.append(set(revoked))]
        hand_over(consumer, REPORTS, 99)
        await consumer.on_partitions_revoked({REPORTS})
        assert heard == [{REPORTS}]
        acknowledge(consumer, REPORTS, 99)
        assert consumer._new_offset(REPORTS) is None, "an acknowledgement that comes late moves nothing"

    asyncio.run(story())


def test_two_workers_can_be_built_in_one_process(tmp_path: Path) -> None:
    async def story() -> None:
        with worker(str(tmp_path), application_id="one") as one, worker(application_id="other") as other:
            assert set(one.app.agents) == {"fold", "score", "lake"}
            assert {table.name for table in other.app.tables.values()} == {"fold_panes_v1", "score_panes_v1"}
            assert (one.app.conf.id, other.app.conf.id) == ("one", "other")

    asyncio.run(story())


def test_without_a_lake_no_agent_reads_scores() -> None:
    async def story() -> None:
        with worker() as parts:
            assert set(parts.app.agents) == {"fold", "score"}
            assert parts.lake is None

    asyncio.run(story())


def test_a_partition_of_which_nothing_was_committed_is_read_from_its_start_after_a_rebalance() -> None:
    class Thread:
        """Positions of a consumer that has read ahead in three partitions, and of what is no report topic."""

        def __init__(self) -> None:
            self.begun: list[TP] = []

        async def seek_to_committed(self) -> dict[TP, int | None]:
            return {REPORTS: None, TP("trust.reports", 1): 7, TP("trust.reports", 2): 0, REJECTS: None}

        async def seek_to_beginning(self, *partitions: TP) -> None:
            self.begun += partitions

    async def story() -> None:
        with worker() as parts:
            consumer, thread = consumer_of(parts), Thread()
            real, consumer._thread = consumer._thread, thread  # type: ignore[assignment]
            try:
                await consumer.perform_seek()
            finally:
                consumer._thread = real
            assert thread.begun == [REPORTS, TP("trust.reports", 2)]

    asyncio.run(story())


@pytest.mark.parametrize("rebalances", [1, 0], ids=["while partitions leave", "otherwise"])
def test_seeking_a_partition_that_leaves_meanwhile_is_no_failure(rebalances: int) -> None:
    async def story() -> None:
        with worker() as parts:
            consumer = consumer_of(parts)
            thread: Any = consumer._thread

            async def seek() -> Any:
                parts.app.rebalancing_count += rebalances
                raise IllegalStateError("No current assignment for partition")

            thread.seek_to_committed = seek
            if rebalances:
                assert await consumer.seek_to_committed() == {}
            else:
                with pytest.raises(IllegalStateError):
                    await consumer.seek_to_committed()

    asyncio.run(story())
