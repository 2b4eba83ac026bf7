"""Whether this worker may write: only while the group is sure to count it as a member.

A member that is silent for longer than its session is left behind: its partitions go to others. Silent is also who was
paused, or whose broker was away, and it cannot know what it missed. So membership is a lease: it lasts a session from
the moment at which the last answered heartbeat was *sent*. When it is over nothing leaves this process until the group
has answered again. What had left its last check a moment before is told apart by ``streams.changelog``.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import aiokafka
import faust
from aiokafka.errors import (
    IllegalGenerationError,
    NoError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from faust.transport.drivers import aiokafka as driver

from streams.chunks import ChunkConsumer, ChunkThread
from streams.crash import crash_point

__all__ = ["Fence", "NotMember", "keep_fence", "now_s"]

LEASE: Final = 0.9
"""Share of the session for which an answer is trusted: the rest is for the write itself to arrive."""
_GONE: Final = (UnknownMemberIdError, IllegalGenerationError)
_LEAVING: Final = (JoinGroupRequest, LeaveGroupRequest)
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)


class NotMember(Exception):
    """The group may have gone on without this worker, so it must not write."""

    def __init__(self, silent_s: float, session_s: float) -> None:
        super().__init__(silent_s, session_s)  # as given: aiokafka copies it, once for each message
        self.silent_s, self.session_s = silent_s, session_s

    def __str__(self) -> str:
        last = "not confirmed" if self.silent_s == float("inf") else f"last confirmed {self.silent_s:.1f} s ago"
        return (
            f"a worker must be a member of its group to write; {last}, the session is {self.session_s:g} s; "
            "it goes on by itself once the group answers"
        )


def now_s() -> float:
    """Seconds of a clock that also runs while the process is stopped or the machine asleep."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


class Fence:
    """The lease on membership. Told by the consumer's thread, asked by all."""

    def __init__(self, session_s: float, clock: Callable[[], float] = now_s) -> None:
        self.session_s = session_s
        self.clock = clock
        self.confirmed_s = float("-inf")
        """When the last request was sent that the group answered as to a member."""
        self.lapses = 0
        """How often a lease was found over."""
        self._held = False

    def holds(self) -> bool:
        """Whether this worker is a member, for certain."""
        held = self.silent_s < LEASE * self.session_s
        self.lapses += self._held and not held
        self._held = held
        return held

    @property
    def silent_s(self) -> float:
        """Seconds since a request was sent that the group answered as to a member."""
        return self.clock() - self.confirmed_s

    def check(self) -> None:
        """Return while this worker is a member.

        Raises
        ------
        NotMember
            When that is not certain.
        """
        if not self.holds():
            raise NotMember(self.silent_s, self.session_s)

    def confirmed(self, asked_s: float) -> None:
        """The group answered, as to a member, what was sent at ``asked_s``."""
        self.confirmed_s = max(self.confirmed_s, asked_s)

    def given_up(self) -> None:
        """This worker's partitions are no longer its own."""
        self.confirmed_s = float("-inf")

    def heard(self, request: object, error_code: int, asked_s: float) -> None:
        """Take in an answer of the group's coordinator.

        During a rebalance a member keeps its partitions until it joins anew, so that answer to a heartbeat confirms.
        """
        error = for_code(error_code)
        if isinstance(request, HeartbeatRequest | SyncGroupRequest) and error in _GONE:
            self.given_up()
        elif (isinstance(request, SyncGroupRequest) and error is NoError) or (
            isinstance(request, HeartbeatRequest) and error in (NoError, RebalanceInProgressError)
        ):
            self.confirmed(asked_s)


def listen(coordinator: Any, fence: Fence) -> None:
    """Let the fence hear what a consumer's coordinator is answered."""
    ask = coordinator._send_req

    async def asked(request: object) -> Any:
        if isinstance(request, _LEAVING):
            fence.given_up()
        asked_s = fence.clock()
        answer = await ask(request)
        if isinstance(request, HeartbeatRequest | SyncGroupRequest):
            fence.heard(request, answer.error_code, asked_s)
        return answer

    coordinator._send_req = asked


def guard(sender: Any, fence: Fence) -> None:
    """Let a producer send nothing while the fence does not hold: checked last, just before the socket."""
    send = sender._send_produce_req

    async def sent(node_id: Any, batches: Any) -> None:
        try:
            fence.check()
        except NotMember as refusal:
            for batch in batches.values():
                batch.failure(exception=refusal)
            sender._in_flight.remove(node_id)
            sender._muted_partitions.difference_update(batches)
        else:
            if any(place.topic.endswith("-changelog") for place in batches):
                crash_point("send-state")
            await send(node_id, batches)

    sender._send_produce_req = sent


def keep_fence(app: faust.App, fence: Fence, answer_s: float) -> None:
    """Let ``app``, which reads by chunk, write as a member of its group only.

    Its producer gives up a connection that has not answered for ``answer_s``. What was to be sent over it goes out over
    the next one: Faust's own setting, 20 minutes, is both the patience with a connection and that with a message.
    """

    class Thread(ChunkThread):
        async def on_start(self) -> None:
            await super().on_start()
            listen(self._ensure_consumer()._coordinator, fence)

    class Consumer(ChunkConsumer):
        def _new_consumer_thread(self) -> ChunkThread:
            return Thread(self, loop=self.loop, beacon=self.beacon)

        async def _commit(self, offsets: Any) -> bool:
            crash_point("before-commit")
            return bool(await super()._commit(offsets))

    class Producer(driver.Producer):
        def _new_producer(self, transactional_id: str | None = None) -> aiokafka.AIOKafkaProducer:
            producer = super()._new_producer(transactional_id)
            guard(producer._sender, fence)
            producer.client._request_timeout_ms = round(answer_s * 1_000)
            return producer

    transport: Any = app.transport
    transport.Consumer, transport.Producer = Consumer, Producer
