"""The ways out: Kafka, HTTP, a list in memory, nowhere."""

from trustscore_client.transports.http import HttpTransport
from trustscore_client.transports.kafka import KafkaTransport
from trustscore_client.transports.memory import MemoryTransport, OffTransport
from trustscore_client.transports.protocol import Delivery, Link, Transport

__all__ = ["Delivery", "HttpTransport", "KafkaTransport", "Link", "MemoryTransport", "OffTransport", "Transport"]
