import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from faust.types import TP

from streams.agents import fold as fold_agent
from streams.books import load_book, load_seen
from streams.codec import decode_updates
from streams.steps.updates import provider_of
from tests.support.fold_loop import Loop, chunk, rows, sums
from tests.support.memory_worker import Event, MemoryTable, NotServed
from tests.support.plain_panes import NOW_S, Report, panes_in, panes_of, some_reports
from tests.support.wire_cases import GOOD, json_message

REPORTS: list[Report] = [*some_reports(1, 40, span_s=3_000)]


def test_a_flush_makes_everything_durable_and_then_acknowledges(tmp_path: Path) -> None:
    async def story() -> None:
        loop, event = Loop(tmp_path), chunk([*REPORTS, b"x"])
        await loop.read(event)
        assert (event.acks, loop.panes.messages, loop.table.log) == (0, [], [])
        await loop.fold.flush()
        assert event.acks == 1
        assert sums(loop.told()) == sums(panes_of(REPORTS))
        assert (rows(tmp_path, "reports"), rows(tmp_path, "rejects"), len(loop.rejects.messages)) == (40, 1, 1)
        read_back = load_book(MemoryTable(loop.table.log).as_table, 0)
        assert sums(panes_in(read_back)[0]) == sums(panes_of(REPORTS))
        assert loop.counted("trustscore_reports_folded_total") == 40
        assert loop.counted("trustscore_lake_reports_total") == 40
        assert loop.counted("trustscore_rejects_total") == 1
        await loop.fold.flush()
        assert event.acks == 1

    asyncio.run(story())


def test_a_chunk_that_comes_while_its_partition_is_not_owned_opens_no_state() -> None:
    async def story() -> None:
        loop, late, again = Loop(), chunk(REPORTS), chunk(REPORTS)
        loop.table.foreign = {0}
        await loop.read(late)
        await loop.fold.flush()
        assert (loop.panes.messages, loop.table.log, late.acks) == ([], [], 0)
        loop.table.foreign = set()
        await loop.read(again)
        await loop.fold.flush()
        assert sums(loop.told()) == sums(panes_of(REPORTS))
        assert again.acks == 1

    asyncio.run(story())


def test_panes_of_a_provider_go_to_one_partition_whatever_their_source() -> None:
    async def story() -> None:
        loop = Loop(partitions=4)
        for partition in range(3):
            await loop.read(chunk(REPORTS, partition))
        await loop.fold.tick()
        assert 1 < len(loop.panes.messages) <= 4
        places: dict[str, set[int | None]] = {}
        for message in loop.panes.messages:
            for name in decode_updates(message.value).names:
                places.setdefault(provider_of(name), set()).add(message.partition)
        assert all(len(where) == 1 for where in places.values())
        await loop.fold.tick()
        assert len(loop.panes.messages) <= 4, "nothing changed since"

    asyncio.run(story())


def test_a_reject_goes_out_with_its_key_bytes_and_headers() -> None:
    async def story() -> None:
        loop = Loop()
        bad = json_message(7, b"\xff")
        bad.key, bad.headers = b"k", (("trace", b"1"),)
        await loop.read(Event("trust.reports", 2, [bad]))
        await loop.fold.flush()
        (message,) = loop.rejects.messages
        assert (message.key, message.value) == (b"k", b"\xff")
        said = dict(message.headers)
        assert (said["partition"], said["offset"], said["row"], said["h.trace"]) == (b"2", b"7", b"-1", b"1")

    asyncio.run(story())


@pytest.mark.parametrize("fault", ["panes", "panes break", "rejects", "lake", "state"])
def test_what_fails_is_not_acknowledged_and_done_again(fault: str, tmp_path: Path) -> None:
    async def story() -> None:
        loop, first, second = Loop(tmp_path), chunk([*REPORTS, b"x"]), chunk(REPORTS, first=41)
        await loop.read(first)
        broken = {
            "panes": (loop.panes, "refuses", 1, 0),
            "panes break": (loop.panes, "breaks_after", 1, None),
            "rejects": (loop.rejects, "refuses", 1, 0),
            "lake": (loop.fold, "_lake", _NoSpace(), loop.lake),
            "state": (loop.table, "takes", 2, None),
        }
        where, name, breaks, works = broken[fault]
        setattr(where, name, breaks)
        with pytest.raises((NotServed, OSError)):
            await loop.fold.flush()
        await loop.read(second)
        assert (first.acks, second.acks) == (0, 0)
        setattr(where, name, works)
        await loop.fold.flush()
        assert (first.acks, second.acks) == (1, 1)
        twice = [*REPORTS, *REPORTS]
        assert sums(loop.told()) == sums(panes_of(twice))
        assert sums(panes_in(load_book(MemoryTable(loop.table.log).as_table, 0))[0]) == sums(panes_of(twice))
        assert (rows(tmp_path, "reports"), rows(tmp_path, "rejects")) == (80, 1)
        assert {message.value for message in loop.rejects.messages} == {b"x"}

    asyncio.run(story())


class _NoSpace:
    """A lake on a full disk."""

    def write_reports(self, *_: Any) -> int:
        raise OSError("no space left")


def test_panes_that_a_tick_could_not_send_go_out_with_the_next() -> None:
    async def story() -> None:
        loop = Loop(partitions=1)
        await loop.read(chunk(REPORTS))
        loop.panes.breaks_after = 0
        with pytest.raises(NotServed):
            await loop.fold.tick()
        loop.panes.breaks_after = None
        await loop.fold.tick()
        assert sums(loop.told()) == sums(panes_of(REPORTS))

    asyncio.run(story())


def test_a_worker_that_died_goes_on_where_the_last_flush_ended(tmp_path: Path) -> None:
    async def story() -> None:
        before = Loop(tmp_path)
        await before.read(chunk(REPORTS))
        await before.fold.flush()
        await before.read(chunk(REPORTS, first=40))
        await before.fold.tick()
        after = Loop(tmp_path, log=before.table.log)
        after.panes.messages += before.panes.messages
        replay = chunk([*REPORTS, *REPORTS])  # from further back than it need be
        await after.read(replay)
        await after.fold.flush()
        assert sums(after.told()) == sums(panes_of([*REPORTS, *REPORTS]))
        assert rows(tmp_path, "reports") == 80

    asyncio.run(story())


def test_a_partition_that_left_is_forgotten_and_not_acknowledged(tmp_path: Path) -> None:
    async def story() -> None:
        loop, gone, kept = Loop(tmp_path), chunk(REPORTS, 0), chunk(REPORTS, 1)
        await loop.read(gone, kept)
        loop.fold.revoked([TP("trust.reports", 0), TP("trust.panes", 1)])
        await loop.fold.flush()
        assert (gone.acks, kept.acks) == (0, 1)
        assert {key.split(b"/")[0] for key, _ in loop.table.log} == {b"1"}
        assert rows(tmp_path, "reports") == 40

    asyncio.run(story())


@pytest.mark.parametrize("is_committed", [False, True])
def test_ids_are_held_while_records_may_be_read_again_that_repeat_them(is_committed: bool) -> None:
    """What a flush acknowledged is committed a moment later; a worker that takes over before that reads it again."""

    async def story() -> None:
        loop, report = Loop(dedup_window_s=40.0), GOOD | {"report_id": "once"}
        first, repeat = json_message(0, report, NOW_S), json_message(1, report, NOW_S + 35)
        for message in (first, repeat):
            await loop.read(Event("trust.reports", 0, [message]))
            await loop.fold.flush()
        if is_committed:
            loop.committed[0] = 2
        late = json_message(2, GOOD, NOW_S + 400)
        await loop.read(Event("trust.reports", 0, [late]))
        await loop.fold.flush()
        next_owner = Loop(log=loop.table.log, dedup_window_s=40.0)
        await next_owner.read(Event("trust.reports", 0, [late if is_committed else repeat]))
        await next_owner.fold.tick()
        held = load_seen(MemoryTable(loop.table.log).as_table, 0, 40.0).held
        assert held == (0 if is_committed else 1)
        assert next_owner.counted("trustscore_repeats_total") == (0 if is_committed else 1)

    asyncio.run(story())


def test_reports_of_a_partition_that_stays_are_read_again_and_repeats_are_still_known() -> None:
    async def story() -> None:
        loop = Loop()
        await loop.read(chunk(WITH_IDS))
        loop.fold.revoked([TP("trust.reports", 0)])
        await loop.read(chunk(WITH_IDS), chunk(WITH_IDS, first=40))
        await loop.fold.tick()
        assert sums(loop.told()) == sums(panes_of(WITH_IDS)), "each counts once, by what came first"

    asyncio.run(story())


def test_a_partition_that_leaves_during_a_flush_is_not_acknowledged() -> None:
    async def story() -> None:
        loop, event = Loop(), chunk(REPORTS)
        await loop.read(event)
        gather = loop.panes.send

        async def leave_meanwhile(**message: Any) -> Any:
            loop.fold.revoked([TP("trust.reports", 0)])
            return await gather(**message)

        loop.panes.send = leave_meanwhile  # type: ignore[method-assign]
        await loop.fold.flush()
        assert (event.acks, loop.table.log) == (0, [])

    asyncio.run(story())


def test_without_a_lake_reports_are_folded_and_rejected_all_the_same() -> None:
    async def story() -> None:
        loop, event = Loop(), chunk([GOOD, b"x"])
        await loop.read(event)
        await loop.fold.flush()
        assert (event.acks, len(loop.rejects.messages)) == (1, 1)
        assert sums(loop.told()) == sums(panes_of([GOOD]))

    asyncio.run(story())


def test_a_flood_of_rejects_stops_the_reading_and_keeps_the_chunk_unread() -> None:
    async def story() -> None:
        loop = Loop(reject_window=100, reject_ratio=0.5, poll_records=1)
        good, flood, never = chunk([GOOD] * 40), chunk([b"x"] * 80, first=40), chunk([GOOD], first=120)
        reading = asyncio.ensure_future(loop.read(good, flood, never))
        while loop.fold.flood is None and not reading.done():
            await asyncio.sleep(0)
        await loop.fold.flush()
        assert loop.fold.flood is not None
        assert (loop.fold.flood.bad, loop.fold.flood.seen) == (80, 120)
        assert (good.acks, flood.acks, never.acks, loop.rejects.messages) == (1, 0, 0, [])
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading

    asyncio.run(story())


def test_reading_waits_while_too_much_waits_for_the_lake(tmp_path: Path) -> None:
    async def story() -> None:
        loop = Loop(tmp_path, pending_rows=30, poll_records=1)
        first, second = chunk(REPORTS), chunk(REPORTS, first=40)
        reading = asyncio.ensure_future(loop.read(first, second))
        while not loop.counted("trustscore_chunk_seconds_count") and not reading.done():
            await asyncio.sleep(0)
        assert loop.counted("trustscore_chunk_seconds_count") == 1
        await loop.fold.flush()
        assert loop.counted("trustscore_reports_folded_total") == 40
        await reading
        assert loop.counted("trustscore_chunk_seconds_count") == 2

    asyncio.run(story())


def test_small_chunks_are_decoded_together_and_acknowledged_each() -> None:
    async def story() -> None:
        loop = Loop(poll_records=30)
        small = [chunk([report], first=at) for at, report in enumerate(REPORTS)]
        await loop.read(*small[:29])
        assert loop.counted("trustscore_chunk_seconds_count") == 0
        await loop.read(small[29])
        assert loop.counted("trustscore_chunk_seconds_count") == 1, "as many as a chunk may hold"
        await loop.read(*small[30:])
        await loop.fold.flush()
        assert loop.counted("trustscore_chunk_seconds_count") == 2
        assert [event.acks for event in small] == [1] * 40
        assert sums(loop.told()) == sums(panes_of(REPORTS))

    asyncio.run(story())


WITH_IDS: list[Report] = [{**report, "report_id": f"id-{at}"} for at, report in enumerate(REPORTS)]


def test_a_report_that_comes_again_counts_once_in_panes_and_lake(tmp_path: Path) -> None:
    async def story() -> None:
        loop = Loop(tmp_path)
        await loop.read(chunk(WITH_IDS))
        await loop.fold.flush()
        await loop.read(chunk([*WITH_IDS[5:], {**REPORTS[0], "report_id": "new"}], first=40))
        await loop.fold.flush()
        assert sums(loop.told()) == sums(panes_of([*WITH_IDS, REPORTS[0]]))
        assert rows(tmp_path, "reports") == 41
        assert loop.counted("trustscore_repeats_total") == 35
        assert loop.counted("trustscore_reports_folded_total") == 41

    asyncio.run(story())


@pytest.mark.parametrize("kept", range(0, 40, 3))
def test_whatever_of_a_flush_was_saved_a_repeat_counts_once_after_a_crash(kept: int, tmp_path: Path) -> None:
    async def story() -> None:
        before = Loop(tmp_path)
        await before.read(chunk(WITH_IDS[:20]))
        await before.fold.flush()
        saved = len(before.table.log)
        await before.read(chunk([*WITH_IDS[10:30]], first=20))
        await before.fold.flush()
        after = Loop(tmp_path, before.table.log[: saved + kept])
        await after.read(chunk(WITH_IDS[10:30], first=20), chunk(WITH_IDS, first=40))
        await after.fold.flush()
        assert sums(panes_in(load_book(MemoryTable(after.table.log).as_table, 0))[0]) == sums(panes_of(WITH_IDS))
        assert rows(tmp_path, "reports") == 40

    asyncio.run(story())


def test_a_window_of_nothing_counts_every_message() -> None:
    async def story() -> None:
        loop = Loop(dedup_window_s=0.0)
        await loop.read(chunk(WITH_IDS), chunk(WITH_IDS, first=40))
        await loop.fold.flush()
        assert sums(loop.told()) == sums(panes_of([*WITH_IDS, *WITH_IDS]))
        assert not [key for key, _ in loop.table.log if b"/ids/" in key]

    asyncio.run(story())


def test_the_secret_that_others_may_have_hidden_is_written_anew_and_ids_need_not_be() -> None:
    async def story() -> None:
        loop = Loop()
        await loop.read(chunk(WITH_IDS))
        await loop.fold.flush()
        secret, ids = (entry for entry in loop.table.log if b"/ids/" in entry[0])
        assert ids[0].endswith(b"-%d" % loop.table.term(0)), "nobody else writes under this name"
        before = len(loop.table.log)
        loop.table.disturbed = 1
        await loop.read(chunk(WITH_IDS[:1], first=40))
        await loop.fold.flush()
        assert [entry for entry in loop.table.log[before:] if b"/ids/" in entry[0]] == [secret]

    asyncio.run(story())


def test_ids_of_a_newer_layout_stop_the_worker_with_what_to_do() -> None:
    async def story() -> None:
        loop = Loop(log=[(b"0/ids/key", msgspec.msgpack.encode([99, b"s" * 32]))])
        with pytest.raises(ValueError, match="got layout 99, which a newer version wrote; run that version"):
            await loop.read(chunk(WITH_IDS))
        assert loop.table.refusal is not None

    asyncio.run(story())


def test_what_waits_for_the_lake_is_said_before_the_first_flush(tmp_path: Path) -> None:
    async def story() -> None:
        loop = Loop(tmp_path)
        await loop.read(chunk([GOOD] * 3))
        await loop.fold.tick()
        assert loop.counted("trustscore_pending_reports") == 3

    asyncio.run(story())


def test_many_bytes_are_decoded_before_many_records_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        messages: Any = chunk(REPORTS).value
        monkeypatch.setattr(fold_agent, "CHUNK_BYTES", sum(len(message.value) for message in messages))
        loop = Loop(poll_records=1_000)
        await loop.read(chunk(REPORTS[:-1]))
        assert loop.counted("trustscore_pending_reports") == 0
        await loop.read(chunk(REPORTS[-1:], first=len(REPORTS) - 1))
        assert loop.counted("trustscore_pending_reports") == len(REPORTS)

    asyncio.run(story())


def test_reading_waits_for_a_flush_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        loop = Loop(poll_records=1)
        monkeypatch.setattr(fold_agent, "FEWEST_REPORTS", 30)
        monkeypatch.setattr(fold_agent, "FLUSH_S", 1e-9)  # any flush is too slow then, and the fewest are let wait
        await loop.read(chunk(REPORTS), chunk(REPORTS, first=40))
        await loop.fold.flush()
        reading = asyncio.ensure_future(loop.read(chunk(REPORTS, first=80), chunk(REPORTS, first=120)))
        while loop.counted("trustscore_chunk_seconds_count") < 3 and not reading.done():
            await asyncio.sleep(0)
        assert not reading.done()
        await loop.fold.flush()
        await reading
        assert loop.counted("trustscore_chunk_seconds_count") == 4

    asyncio.run(story())
