"""Reports to the topic ``trust.reports``; needs aiokafka: ``pip install 'trustscore-client[kafka]'``."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

from trustscore_client.errors import InvalidSetting
from trustscore_client.transports.protocol import Link

__all__ = ["KafkaTransport"]

_LINK = "trustscore_client.transports.kafka_link"


@dataclass(frozen=True, slots=True)
class KafkaTransport:
    """A cluster's address: ``host:port``, or several with commas."""

    bootstrap: str
    topic: str = "trust.reports"
    batch: Literal["json", "arrow"] = "json"
    """``json``: a message is one report, keyed by its provider; ``arrow``: an Arrow stream of up to 500 (pyarrow)."""
    timeout_s: float = 10.0
    options: Mapping[str, Any] = field(default_factory=dict)
    """More of ``aiokafka.AIOKafkaProducer``'s: ``security_protocol``, ``sasl_mechanism``, ``compression_type``…

    ``enable_idempotence`` is worth setting on Apache Kafka; it is off because the embedded broker refuses it, and a
    report that arrives twice is recognised by its id.
    """

    def __post_init__(self) -> None:
        hosts = [one.strip().rpartition(":") for one in self.bootstrap.split(",")]
        faults = []
        if not all(host and port.isdecimal() for host, _, port in hosts):
            faults.append(f"bootstrap must be HOST:PORT, or several with commas; got {self.bootstrap!r}")
        if self.batch not in ("json", "arrow"):
            faults.append(f"batch must be json or arrow; got {self.batch!r}")
        # Imported now: 0.3 s of importing in the background, later, would be felt on the agent's path.
        if not _imports(_LINK):
            faults.append("kafka:// needs aiokafka; pip install 'trustscore-client[kafka]', or report to http://")
        if self.batch == "arrow" and not _imports("trustscore_client.transports.arrow"):
            faults.append("batch='arrow' needs pyarrow; pip install 'trustscore-client[arrow]', or leave it out")
        if faults:
            raise InvalidSetting(faults)

    def connect(self) -> Link:
        link: Link = import_module(_LINK).KafkaLink(self)
        return link


def _imports(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True
