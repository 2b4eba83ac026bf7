"""The pure steps of the stream: reports into panes (``fold``), panes into scores (``score``).

None reads a clock, sends a message or writes a table; the loops that do are in ``streams.agents``.
"""
