"""Seeded attacks on the reports of a market, and what they cost."""
