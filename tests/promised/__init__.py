"""Promises by area; ``tests.promises`` gathers them."""
