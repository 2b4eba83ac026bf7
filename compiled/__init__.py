"""C over arrays for what costs the most by the report. Where it was not built, Python does the same, slower.

Nothing here knows what a report means: field names, bounds and message formats are given by the callers.
"""
