"""How many reports a reporter has contributed."""

from collections import OrderedDict
from typing import Final

from analytics import queries
from analytics.errors import Unavailable
from analytics.lake_access import LakeAccess
from analytics.models import ContributorStatus

__all__ = ["ACTIVE", "TRUSTED", "Contributors", "status_of"]

ACTIVE: Final = 5
TRUSTED: Final = 100
_KEPT: Final = 50_000


def status_of(total: int) -> ContributorStatus:
    """What a number of contributions makes of a reporter.

    >>> [status_of(total) for total in (4, 5, 99, 100)]
    ['new', 'active', 'active', 'trusted']
    """
    if total < ACTIVE:
        return "new"
    return "active" if total < TRUSTED else "trusted"


class Contributors:
    """Counts by reporter: what the lake held when this process first met the reporter, plus those accepted since.

    Reports that reach Kafka another way after that moment are counted after a restart. Reporters are forgotten, the
    longest unseen first, past 50,000, and then counted from the lake again.
    """

    def __init__(self, lake: LakeAccess) -> None:
        self._lake = lake
        self._totals: OrderedDict[str, int] = OrderedDict()

    async def meet(self, reporter_id: str) -> None:
        """Count the reporter from the lake unless known: before its report is sent, lest the lake hold it already."""
        if reporter_id not in self._totals:
            before = await self._from_lake(reporter_id)
            self._totals.setdefault(reporter_id, before)  # another report of theirs may have come meanwhile

    async def add(self, reporter_id: str, accepted: int) -> int:
        """Contributions of the reporter with ``accepted`` new ones."""
        await self.meet(reporter_id)
        self._totals[reporter_id] += accepted
        self._totals.move_to_end(reporter_id)
        total = self._totals[reporter_id]
        while len(self._totals) > _KEPT:
            self._totals.popitem(last=False)
        return total

    async def _from_lake(self, reporter_id: str) -> int:
        try:
            return (await self._lake.ask(queries.contributions, reporter_id)).reports
        except Unavailable:
            return 0
