"""The lake as a server asks it: opened when there is one, refreshed before each question, read in a thread."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from analytics.errors import Unavailable
from analytics.lake import Lake, LakeError, NoLake

__all__ = ["LakeAccess", "LakeStatus"]

LakeStatus = Literal["ok", "off", "missing", "unreadable"]
P = ParamSpec("P")
T = TypeVar("T")


class LakeAccess:
    """A lake that may be switched off, not there yet, or unreadable for a while.

    Parameters
    ----------
    path
        Its directory; None: there is none, every question raises ``Unavailable``.
    """

    def __init__(self, path: str | Path | None) -> None:
        self.path = path
        self.status: LakeStatus = "ok" if path else "off"
        """As of the last question; missing: there is no lake there yet."""
        self.problem: str | None = None if path else "off (TRUSTSCORE_LAKE is empty)"
        """Why the last question got no answer; None when it got one."""
        self._lake: Lake | None = None
        self._opening = asyncio.Lock()

    async def ask(self, question: Callable[Concatenate[Lake, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``question(lake, …)`` returns, at the newest version of the tables.

        Raises
        ------
        Unavailable
            When there is no lake, or it cannot be read.
        """
        if self.path is None:
            raise Unavailable("lake", "there is no lake to read", "set TRUSTSCORE_LAKE to its directory")

        def asked(lake: Lake) -> T:
            lake.refresh()
            return question(lake, *args, **kwargs)

        try:
            answer = await asyncio.to_thread(asked, await self._opened(self.path))
        except LakeError as error:
            self.problem, self.status = str(error), "missing" if isinstance(error, NoLake) else "unreadable"
            raise Unavailable("lake", "the lake cannot be read", str(error)) from error
        self.problem, self.status = None, "ok"
        return answer

    def close(self) -> None:
        """Let the files go; harmless when none were opened."""
        if self._lake is not None:
            self._lake.close()
            self._lake = None

    async def _opened(self, path: str | Path) -> Lake:
        async with self._opening:
            if self._lake is None:
                self._lake = await asyncio.to_thread(Lake, path)
            return self._lake
