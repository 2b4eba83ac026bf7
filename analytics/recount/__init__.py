"""Panes and score inputs counted anew from the lake's reports, in SQL: a second way to the sums the worker made.

The worker folds with numpy; here every sum is a GROUP BY over ``reports``. Both follow the fixed-point formulas of
``scoring.stats``, and integers add up exactly, so the two must be equal to the last bit. One caveat: freshness uses
2 to a power, which two mathematical libraries may round differently in the last place; the result is rounded to
millionths, so one report in about 1e9 could differ by one millionth.
"""

from analytics.recount.columns import prepare
from analytics.recount.evidence import evidence_of
from analytics.recount.panes import PaneGap, day_spans, pane_gaps

__all__ = ["PaneGap", "day_spans", "evidence_of", "pane_gaps", "prepare"]
