"""The loops: read a chunk, call a pure step, send what it gives; now and then write state and lake, then acknowledge.

What is acknowledged is durable: its panes were sent on, its reports are in the lake, its state is in the changelog.
After a crash the chunks since are read again and change nothing that they had already changed.
"""

from streams.agents.fold import FoldLoop
from streams.agents.lake import LakeLoop
from streams.agents.score import ScoreLoop

__all__ = ["FoldLoop", "LakeLoop", "ScoreLoop"]
