"""Reports from AI agents about the tools they call: buffered, batched, never in the agent's way.

>>> from trustscore_client import MemoryTransport, TrustScore
>>> sent = MemoryTransport()
>>> with TrustScore(transport=sent) as client:
...     client.report(provider_id="weather", outcome="success", latency_ms=41.5)
True
>>> sent.reports[0]["provider_id"]
'weather'
"""

from trustscore_client.buffer import Bounds
from trustscore_client.calls import Call
from trustscore_client.client import TrustScore
from trustscore_client.errors import ClientError, InvalidReport, InvalidSetting
from trustscore_client.fields import FIELDS, Outcome, Report, ReportFields
from trustscore_client.sender import Retry
from trustscore_client.stats import Stats
from trustscore_client.transports import (
    Delivery,
    HttpTransport,
    KafkaTransport,
    Link,
    MemoryTransport,
    OffTransport,
    Transport,
)

__version__ = "0.1.0"

__all__ = [
    "TrustScore", "Call", "Stats", "Bounds", "Retry",
    "ClientError", "InvalidReport", "InvalidSetting",
    "FIELDS", "Outcome", "Report", "ReportFields",
    "Transport", "Link", "Delivery", "HttpTransport", "KafkaTransport", "MemoryTransport", "OffTransport",
]  # fmt: skip
