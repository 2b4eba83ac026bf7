"""Faust's place for recovery without its reading: each table reads its own changelog (``streams.tables``)."""

from faust.tables import TableManager
from faust.tables.recovery import Recovery

from streams.chunks import ChunkConsumer

__all__ = ["OwnReading"]


class _Unread(Recovery):
    """The steps around a recovery, in which Faust itself reads nothing."""

    def need_recovery(self) -> bool:
        """Never; the changelogs stay paused."""
        return False

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Let the consumer hand chunks over once all is open, sought and resumed."""
        await super().on_recovery_completed(generation_id)
        consumer = self.app.consumer
        assert isinstance(consumer, ChunkConsumer)
        await consumer.open(generation_id)


class OwnReading(TableManager):
    """Tables that read their changelogs themselves once Faust calls its recovery complete."""

    @property
    def recovery(self) -> Recovery:
        """The service that goes through a recovery at every rebalance."""
        if self._recovery is None:
            self._recovery = _Unread(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
