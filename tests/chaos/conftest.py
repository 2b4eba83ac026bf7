"""Marks, the seed, and which tests are for ``make chaos`` alone."""

import os

import pytest

_LONG = "chaos_long"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what stands here; leave the long versions out unless ``-m`` names them."""
    for item in items:
        if "chaos" in item.path.parts:
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.integration)
    if _LONG not in (config.option.markexpr or ""):
        left_out = [item for item in items if item.get_closest_marker(_LONG)]
        items[:] = [item for item in items if not item.get_closest_marker(_LONG)]
        config.hook.pytest_deselected(items=left_out)


@pytest.fixture
def seed() -> int:
    """Of every random moment and value: the same in each run, unless ``CHAOS_SEED`` says another."""
    return int(os.environ.get("CHAOS_SEED", "1"))
