"""Reports into Kafka by aiokafka; imported only where a ``KafkaTransport`` is made, because that is an extra.

Batches are built here (``create_batch``): aiokafka's ``send`` costs 20 to 30 µs a message, its batch builder 1 µs.
"""

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.partitioner import murmur2

from trustscore_client.encoding import encode
from trustscore_client.transports.protocol import Delivery

if TYPE_CHECKING:
    from trustscore_client.transports.kafka import KafkaTransport

__all__ = ["ARROW", "KafkaLink"]

ARROW: Final = "application/vnd.apache.arrow.stream"
_BATCH_BYTES: Final = 512 * 1024
_LEAST_BATCH_BYTES: Final = 16 * 1024
_ARROW_REPORTS: Final = 500
_CACHED_KEYS: Final = 50_000
_Packed = list[tuple[Any, int, list[int]]]
"""Batches ready to send, each with its partition and the places of its reports."""


class _OwnLoop(asyncio.SelectorEventLoop):
    """The link's own event loop. It looks names up itself: at exit, thread pools take no more work."""

    async def getaddrinfo(self, host: Any, port: Any, **hints: Any) -> Any:
        return socket.getaddrinfo(host, port, **hints)


class KafkaLink:
    """A producer, started when first needed and again after a fault it does not mend itself.

    Its loop runs only while the sender's thread is in one of these methods.
    """

    def __init__(self, transport: "KafkaTransport") -> None:
        self._transport = transport
        self._shown = f"kafka {transport.bootstrap}"
        self._loop = _OwnLoop()
        self._producer: Any = None
        self._batch_bytes: int = transport.options.get("max_batch_size", _BATCH_BYTES)
        self._partitions: list[int] = []
        self._partition_of: dict[str, int] = {}

    def send(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        return self._loop.run_until_complete(self._send(batch))

    def close(self) -> None:
        try:
            self._loop.run_until_complete(self._stop())
        finally:
            self._loop.close()

    async def _send(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        try:
            if self._producer is None:
                self._producer = await self._started()
            partitions = sorted(await self._producer.partitions_for(self._transport.topic))
        except (KafkaError, OSError) as error:
            return Delivery(unsent=tuple(range(len(batch))), error=f"{self._shown}: {type(error).__name__}: {error}")
        if partitions != self._partitions:
            self._partitions, self._partition_of = partitions, {}
        packed, refused = (self._packed_arrow if self._transport.batch == "arrow" else self._packed_json)(batch)
        results = await asyncio.gather(*(self._produced(builder, partition) for builder, partition, _ in packed))
        unsent: list[int] = []
        said = f"{self._shown}: a message is larger than a batch may be" if refused else ""
        for (_, _, places), fault in zip(packed, results, strict=True):
            if fault is not None:
                said = f"{self._shown}: {type(fault).__name__}: {fault}"
                (refused if self._is_hopeless(fault) else unsent).extend(places)
        if any(isinstance(fault, MessageSizeTooLargeError) for fault in results):
            self._batch_bytes = max(self._batch_bytes // 2, _LEAST_BATCH_BYTES)
        if any(fault is not None and not fault.retriable for fault in results):
            await self._stop()
        return Delivery(tuple(refused), tuple(unsent), said)

    async def _started(self) -> Any:
        options: dict[str, Any] = {
            "client_id": "trustscore-client",
            "acks": "all",
            "request_timeout_ms": int(self._transport.timeout_s * 1000),
            **self._transport.options,
            "max_batch_size": self._batch_bytes,
        }
        producer = AIOKafkaProducer(bootstrap_servers=self._transport.bootstrap, **options)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await asyncio.wait_for(producer.stop(), self._transport.timeout_s)

    async def _produced(self, builder: Any, partition: int) -> Any:
        """Why Kafka did not take a batch; None when it did."""
        try:
            await (await self._producer.send_batch(builder, self._transport.topic, partition=partition))
        except KafkaError as fault:
            return fault
        return None

    def _is_hopeless(self, fault: Any) -> bool:
        """Whether the topic takes messages too small for even the least batch; larger ones are cut smaller first."""
        return isinstance(fault, MessageSizeTooLargeError) and self._batch_bytes <= _LEAST_BATCH_BYTES

    def _packed_json(self, batch: Sequence[Mapping[str, Any]]) -> tuple[_Packed, list[int]]:
        """A message per report, and the places of those too large for one."""
        open_batches: dict[int, tuple[Any, int, list[int]]] = {}
        packed: _Packed = []
        refused: list[int] = []
        for place, report in enumerate(batch):
            provider_id = report["provider_id"]
            key, value, partition = provider_id.encode(), encode(report), self._partition(provider_id)
            if partition not in open_batches or (
                open_batches[partition][0].append(key=key, value=value, timestamp=None) is None
            ):
                fresh: tuple[Any, int, list[int]] = (self._producer.create_batch(), partition, [])
                if fresh[0].append(key=key, value=value, timestamp=None) is None:
                    refused.append(place)
                    continue
                open_batches[partition] = fresh
                packed.append(fresh)
            open_batches[partition][2].append(place)
        for builder, _, _ in packed:
            builder.close()
        return packed, refused

    def _packed_arrow(self, batch: Sequence[Mapping[str, Any]]) -> tuple[_Packed, list[int]]:
        """A message per partition and 500 reports."""
        from trustscore_client.transports.arrow import arrow_stream  # needs pyarrow, an extra of its own

        by_partition: dict[int, list[int]] = {}
        for place, report in enumerate(batch):
            by_partition.setdefault(self._partition(report["provider_id"]), []).append(place)
        todo = [
            (partition, places[start : start + _ARROW_REPORTS])
            for partition, places in by_partition.items()
            for start in range(0, len(places), _ARROW_REPORTS)
        ]
        packed: _Packed = []
        refused: list[int] = []
        headers = [("content-type", ARROW.encode())]
        while todo:
            partition, places = todo.pop()
            builder = self._producer.create_batch()
            value = arrow_stream([batch[place] for place in places])
            if builder.append(key=None, value=value, timestamp=None, headers=headers) is not None:
                builder.close()
                packed.append((builder, partition, places))
            elif len(places) > 1:
                middle = len(places) // 2
                todo += [(partition, places[:middle]), (partition, places[middle:])]
            else:
                refused += places
        return packed, refused

    def _partition(self, provider_id: str) -> int:
        """The partition Kafka's default partitioner gives this key; hashing in Python is slow, so remembered."""
        partition = self._partition_of.get(provider_id)
        if partition is None:
            if len(self._partition_of) >= _CACHED_KEYS:
                self._partition_of.clear()
            place = (murmur2(provider_id.encode()) & 0x7FFFFFFF) % len(self._partitions)
            partition = self._partition_of[provider_id] = self._partitions[place]
        return partition
