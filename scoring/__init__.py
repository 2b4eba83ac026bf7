"""Values in, values out: what a report is, panes, windows, dimensions, scores. No clock, no IO, no engine."""
