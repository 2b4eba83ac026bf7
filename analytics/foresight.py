"""What one caller may expect of one provider: a predictor that listens to ``trust.reports``, or reads the lake."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.structs import ConsumerRecord

from analytics.consumers import ended
from analytics.errors import Unavailable
from analytics.follower import Follower, Span
from analytics.heard import ReportReader, last_reports
from analytics.lake_access import LakeAccess
from analytics.models import PredictionItem
from analytics.predictions import prediction
from analytics.settings import REPORTS_TOPIC, Settings
from scoring.prediction import Rolling

__all__ = ["Foresight"]

_WAIT_S: Final = 5.0
"""For the reports that lie in Kafka when a question comes at the start."""
_LAKE_KEPT_S: Final = 60.0
_AT_START: Final = 4
"""What lies in Kafka at the start is learned so many times as fast as what comes."""
_BEHIND_S: Final = 5.0
"""Seconds' worth of reports that may wait; with more, the listener goes on from newer ones."""

_FEW: Final = 1_000
_TOGETHER_S: Final = 0.2
"""Where fewer than ``_FEW`` reports came, what comes in this time is learned together: each turn of a thread costs, and
at 100 reports a second they took a quarter of a core."""


class Foresight:
    """Predictions for callers, from the last reports.

    Live it learns every report, at most ``predict_rate`` a second, at the start four times as many: on more traffic it
    skips some, and says how large the share is that it heard. Nothing is stored: at a start the last
    ``predict_reports`` are read from Kafka, which keeps them for a week. Where Kafka is away it answers from what it
    has heard, or from the lake's last reports.

    Parameters
    ----------
    settings
        Broker, rate, number of reports.
    lake
        What to fall back on.
    clock
        Epoch seconds of now.
    """

    def __init__(self, settings: Settings, lake: LakeAccess, clock: Callable[[], float]) -> None:
        self._settings, self._lake, self._clock = settings, lake, clock
        self._rolling, self._reader = Rolling(settings.predict_reports), ReportReader()
        self._busy = asyncio.Lock()
        self._of_lake: tuple[float, Rolling] | None = None
        self.follower = Follower(
            REPORTS_TOPIC, settings.broker, self._begin, self._take, round(_BEHIND_S * settings.predict_rate) or None
        )
        self.is_on = settings.predict_rate > 0
        self._may_listen = False
        self._listening: asyncio.Task[None] | None = None

    @property
    def learned(self) -> int:
        """Reports heard since the start."""
        return self._rolling.learned

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """From the first question on, or from ``listen``, it hears what is reported, until the block ends."""
        self._may_listen = True
        try:
            yield
        finally:
            self._may_listen, task, self._listening = False, self._listening, None
            if task is not None:
                await ended(task)

    def listen(self) -> None:
        """Begin now, in a block of ``listening``; harmless when it has begun, or is switched off."""
        if self._may_listen and self._listening is None and self.is_on:
            self._listening = asyncio.create_task(self.follower.run(), name="report-follower")

    async def prediction(
        self, provider_id: str, reporter_id: str | None, task_type: str | None, region: str | None
    ) -> PredictionItem | None:
        """For this caller now; None when predictions are switched off or nothing was ever heard."""
        if not self.is_on:
            return None
        self.listen()
        if self._listening is not None:
            await self.follower.wait_for_word(_WAIT_S)
        live = self._listening is not None and self._rolling.learned > 0
        rolling = self._rolling if live else await self._from_lake()
        if rolling is None or not rolling.learned:
            return None
        async with self._busy:
            found = rolling.forecast(provider_id, reporter_id, task_type, region)
        skipped = self.follower.skipped if live else 0
        heard_share = rolling.learned / (rolling.learned + skipped)
        asked = (reporter_id, task_type, region)
        return prediction(found, provider_id, asked, heard_share, stale=not (live and self.follower.is_live))

    def _begin(self, spans: Mapping[int, Span]) -> Mapping[int, int]:
        """After a lost connection where it stopped, else with the last reports."""
        each = -(-self._settings.predict_reports // max(len(spans), 1))
        return {
            number: span.seen
            if span.seen is not None and span.first <= span.seen <= span.end
            else max(span.first, span.end - each)
            for number, span in spans.items()
        }

    async def _take(self, messages: Sequence[ConsumerRecord]) -> bool:
        clock, before = asyncio.get_running_loop().time, self._rolling.learned
        began_s = clock()
        async with self._busy:
            await asyncio.to_thread(lambda: self._rolling.learn(self._reader.read(messages)))
        took_s, learned = clock() - began_s, self._rolling.learned - before
        rate = self._settings.predict_rate * (1 if self.follower.is_live else _AT_START)
        least_s = _TOGETHER_S if self.follower.is_live and len(messages) < _FEW else 0.0
        await asyncio.sleep(max(least_s, learned / rate - took_s))
        return self._rolling.learned >= 2 * self._settings.predict_reports

    async def _from_lake(self) -> Rolling | None:
        async with self._busy:
            now_s = self._clock()
            if self._of_lake is None or not 0 <= now_s - self._of_lake[0] < _LAKE_KEPT_S:
                try:
                    heard = await self._lake.ask(last_reports, self._settings.predict_reports)
                except Unavailable:
                    return None
                rolling = Rolling(self._settings.predict_reports)
                await asyncio.to_thread(rolling.learn, heard)
                self._of_lake = (now_s, rolling)
            return self._of_lake[1]
