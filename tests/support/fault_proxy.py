"""A TCP proxy that misbehaves on demand: between a client and a broker, in a thread of its own."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

__all__ = ["FaultProxy", "Faults"]

_PIECE_BYTES: Final = 1 << 20
_SLOW_PIECE_S: Final = 0.25
"""A slow line carries what it can in this time, again and again."""
_NO_LINGER: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends a reset, and nothing of what waits to be sent."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with the line now; none of it by default."""

    latency_s: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest delay of each piece, in both directions."""
    reset_every_s: float = 0.0
    """Connections are reset about this often, all at once; 0: never."""
    is_cut: bool = False
    """Nothing gets through, and nobody is told: what was sent arrives once the line is whole again."""
    is_half_open: bool = False
    """Connections are accepted and never answered, also after the line is whole again; those there before go silent."""
    answer_bytes_per_s: float = 0.0
    """How fast answers come; 0: as fast as they can."""
    answers_lost: bool = False
    """Requests arrive; their answers do not, and the connection is reset instead."""


class FaultProxy:
    """Passes connections on to ``target`` (``host:port``), with the faults that were asked for.

    Parameters
    ----------
    target
        Where connections go; need not be there yet.
    port
        On 127.0.0.1.
    seed
        Of delays and moments of resets.
    """

    def __init__(self, target: str, port: int, seed: int = 0) -> None:
        host, target_port = target.rsplit(":", 1)
        self._target, self._port, self._random = (host, int(target_port)), port, random.Random(seed)
        self._faults = Faults()
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._changed, self._stop = asyncio.Event(), asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self.connections = 0
        """Accepted so far."""
        self.resets = 0
        """Connections reset on purpose so far."""
        self.answers_lost = 0
        """Pieces of answers that were thrown away."""

    @property
    def address(self) -> str:
        """Where clients connect to."""
        return f"127.0.0.1:{self._port}"

    @property
    def faults(self) -> Faults:
        """What is wrong with the line now."""
        return self._faults

    @contextmanager
    def having(self, faults: Faults) -> Iterator[None]:
        """The line with these faults while the body runs, and whole again afterwards."""
        self._in_loop(faults)
        try:
            yield
        finally:
            self._in_loop(Faults())

    def _in_loop(self, faults: Faults) -> None:
        asyncio.run_coroutine_threadsafe(self._become(faults), self._loop).result(timeout=10)

    async def _become(self, faults: Faults) -> None:
        self._faults = faults
        if faults.is_half_open:
            for link in self._links:
                link.is_dead = True
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self) -> None:
        """Return once other faults were asked for."""
        await self._changed.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the proxy did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, limit=_PIECE_BYTES)
        resetting = asyncio.create_task(self._reset_now_and_then())
        self._ready.set()
        await self._stop.wait()
        resetting.cancel()
        server.close()
        for link in list(self._links):
            link.reset()
        await asyncio.gather(resetting, *(link.ended.wait() for link in list(self._links)), return_exceptions=True)

    async def _reset_now_and_then(self) -> None:
        while True:
            every_s = self._faults.reset_every_s
            if not every_s:
                await self.wait_for_change()
                continue
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * every_s)
            for link in list(self._links):
                self.resets += 1
                link.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        link = _Link(self, writer)
        self._links.add(link)
        try:
            link.is_dead = self._faults.is_half_open
            while self._faults.is_cut:
                await self.wait_for_change()
            await link.carry(reader, writer, self._target)
        finally:
            link.reset()
            self._links.discard(link)
            link.ended.set()

    def delay_s(self) -> float:
        """How long the next piece is held back."""
        return self._random.uniform(*self._faults.latency_s)


class _Link:
    """One connection and its other half."""

    def __init__(self, proxy: FaultProxy, client: asyncio.StreamWriter) -> None:
        self._proxy, self._ends = proxy, [client]
        self.is_dead = False
        """Nothing gets through any more, for good."""
        self.ended = asyncio.Event()

    def reset(self) -> None:
        """End both halves with a reset."""
        for end in self._ends:
            raw = end.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                with suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            end.transport.abort()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]) -> None:
        """Pass on what comes from either side until one of them ends."""
        try:
            answers, requests = await asyncio.open_connection(*target, limit=_PIECE_BYTES)
        except OSError:
            return
        self._ends.append(requests)
        halves = [
            asyncio.create_task(self._pump(reader, requests, is_answer=False)),
            asyncio.create_task(self._pump(answers, writer, is_answer=True)),
        ]
        try:
            await asyncio.wait(halves, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for half in halves:
                half.cancel()
            await asyncio.gather(*halves, return_exceptions=True)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_answer: bool) -> None:
        with suppress(OSError):
            while piece := await source.read(self._piece_bytes(is_answer)):
                await self._hold_back(is_answer)
                if self.is_dead:
                    continue  # read and thrown away: the other side sees an open connection that says nothing
                if is_answer and self._proxy.faults.answers_lost:
                    self._proxy.answers_lost += 1
                    return
                sink.write(piece)
                await sink.drain()

    def _piece_bytes(self, is_answer: bool) -> int:
        rate = self._proxy.faults.answer_bytes_per_s
        return max(1, int(rate * _SLOW_PIECE_S)) if is_answer and rate else _PIECE_BYTES

    async def _hold_back(self, is_answer: bool) -> None:
        if delay_s := self._proxy.delay_s():
            await asyncio.sleep(delay_s)
        if is_answer and self._proxy.faults.answer_bytes_per_s:
            await asyncio.sleep(_SLOW_PIECE_S)
        while self._proxy.faults.is_cut:
            await self._proxy.wait_for_change()
