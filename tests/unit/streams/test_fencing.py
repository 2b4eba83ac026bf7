import asyncio
import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import (
    CoordinatorNotAvailableError,
    IllegalGenerationError,
    NoError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from faust.types import TP

from streams.fencing import Fence, NotMember, guard, listen, now_s

HEARTBEAT = HeartbeatRequest("g", 1, "m")
SYNC = SyncGroupRequest("g", 1, "m", "", [])
JOIN = JoinGroupRequest("g", 6_000, 6_000, "m", "", "consumer", [])
PLACES = (TP("trust.panes", 0), TP("trust.scores", 1), TP("other", 0))
LEAVE = LeaveGroupRequest("g", "m")


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def a_fence(confirmed: bool = True) -> tuple[Fence, Clock]:
    clock = Clock()
    fence = Fence(10.0, clock)
    if confirmed:
        fence.confirmed(clock())
    return fence, clock


def test_nobody_is_a_member_before_the_group_said_so() -> None:
    fence, _ = a_fence(confirmed=False)
    assert not fence.holds()
    with pytest.raises(NotMember, match=r"must be a member of its group to write; not confirmed, the session is 10 s"):
        fence.check()


def test_membership_is_over_before_the_session_is() -> None:
    fence, clock = a_fence()
    clock.now_s += 8.9
    assert fence.holds()
    clock.now_s += 0.2
    assert not fence.holds()
    with pytest.raises(NotMember, match=r"last confirmed 9\.1 s ago"):
        fence.check()


def test_it_counts_from_when_the_request_was_sent_not_from_when_the_answer_was_read() -> None:
    fence, clock = a_fence()
    asked_s = clock()
    clock.now_s += 60  # stopped while the answer was on its way
    fence.heard(HEARTBEAT, NoError.errno, asked_s)
    assert not fence.holds()
    fence.heard(HEARTBEAT, NoError.errno, clock())
    assert fence.holds()


def test_an_old_answer_does_not_shorten_a_lease() -> None:
    fence, clock = a_fence()
    fence.heard(HEARTBEAT, NoError.errno, clock() - 9)
    assert fence.silent_s == 0


@pytest.mark.parametrize("error", [UnknownMemberIdError, IllegalGenerationError], ids=lambda error: error.__name__)
def test_whom_the_group_does_not_know_gives_up_at_once(error: Any) -> None:
    fence, clock = a_fence()
    fence.heard(HEARTBEAT, error.errno, clock())
    assert not fence.holds()


def test_in_a_rebalance_a_member_is_one_until_it_joins_anew() -> None:
    fence, clock = a_fence()
    clock.now_s += 8
    fence.heard(HEARTBEAT, RebalanceInProgressError.errno, clock())
    assert fence.silent_s == 0


def test_an_answer_that_says_nothing_of_membership_changes_nothing() -> None:
    fence, clock = a_fence()
    clock.now_s += 8
    fence.heard(HEARTBEAT, CoordinatorNotAvailableError.errno, clock())
    assert fence.silent_s == 8


def test_lapses_are_counted_once_each() -> None:
    fence, clock = a_fence()
    for _ in range(2):
        fence.confirmed(clock())
        assert fence.holds()
        clock.now_s += 20
        assert not fence.holds()
        assert not fence.holds()
    assert fence.lapses == 2


def test_the_clock_runs_on() -> None:
    first = now_s()
    assert now_s() >= first > 0


def test_the_refusal_can_be_copied_for_each_message() -> None:
    refusal = NotMember(12.0, 10.0)
    assert str(copy.copy(refusal)) == str(refusal)


# ----------------------------------------------------------------------------------------------- the coordinator's ear
@dataclass
class Answer:
    error_code: int = 0


@dataclass
class Coordinator:
    """Answers what a test says, and may take its time."""

    fence: Fence
    clock: Clock
    answers: list[int] = field(default_factory=list)
    takes_s: float = 0.0
    held_when_asked: list[bool] = field(default_factory=list)

    async def _send_req(self, request: Any) -> Answer:
        self.held_when_asked.append(self.fence.holds())
        self.clock.now_s += self.takes_s
        return Answer(self.answers.pop(0) if self.answers else 0)


def asked(coordinator: Coordinator, request: object) -> None:
    asyncio.run(coordinator._send_req(request))


def test_heartbeats_and_a_completed_join_are_heard() -> None:
    for request in (HEARTBEAT, SYNC):
        fence, clock = a_fence(confirmed=False)
        coordinator = Coordinator(fence, clock, takes_s=3)
        listen(coordinator, fence)
        asked(coordinator, request)
        assert fence.silent_s == 3


@pytest.mark.parametrize("request_", [JOIN, LEAVE], ids=["join", "leave"])
def test_whoever_joins_anew_or_leaves_gives_up_before_it_says_so(request_: object) -> None:
    fence, clock = a_fence()
    coordinator = Coordinator(fence, clock)
    listen(coordinator, fence)
    asked(coordinator, request_)
    assert coordinator.held_when_asked == [False]
    assert not fence.holds()


def test_a_join_that_is_refused_confirms_nothing() -> None:
    fence, clock = a_fence(confirmed=False)
    coordinator = Coordinator(fence, clock, [RebalanceInProgressError.errno])
    listen(coordinator, fence)
    asked(coordinator, SYNC)
    assert not fence.holds()


# ---------------------------------------------------------------------------------------------- the last gate
class Batch:
    def __init__(self) -> None:
        self.refused_by: BaseException | None = None

    def failure(self, exception: BaseException) -> None:
        self.refused_by = exception


class Sender:
    def __init__(self) -> None:
        self._in_flight, self._muted_partitions = {7}, {PLACES[0], PLACES[1], PLACES[2]}
        self.sent: list[TP] = []

    async def _send_produce_req(self, node_id: int, batches: dict[TP, Batch]) -> None:
        self.sent += batches


def test_a_member_sends() -> None:
    fence, _ = a_fence()
    sender = Sender()
    guard(sender, fence)
    asyncio.run(sender._send_produce_req(7, {PLACES[0]: Batch()}))
    assert sender.sent == [PLACES[0]]


def test_who_is_no_member_sends_nothing_and_every_message_is_told() -> None:
    fence, clock = a_fence()
    sender, batches = Sender(), {PLACES[0]: Batch(), PLACES[1]: Batch()}
    guard(sender, fence)
    clock.now_s += 60
    asyncio.run(sender._send_produce_req(7, batches))
    assert sender.sent == []
    assert all(isinstance(batch.refused_by, NotMember) for batch in batches.values())
    assert (sender._in_flight, sender._muted_partitions) == (set(), {PLACES[2]}), "the next batches may come"
