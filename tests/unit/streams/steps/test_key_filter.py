"""The filter before the search for a key."""

import numpy as np

from streams.steps.key_filter import BITS_PER_KEY, Filter


def test_the_filter_lets_through_every_key_it_was_given_and_few_others() -> None:
    rng = np.random.default_rng(2)
    keys = np.sort(rng.integers(0, 2**64, 65_535, np.uint64))
    full = Filter(len(keys))
    full.add(keys)
    full.add(keys[:0])
    assert not full.has_room(len(full.words) * 64 // BITS_PER_KEY)
    assert full.lets_through(keys).all()
    assert full.lets_through(rng.integers(0, 2**64, 100_000, np.uint64)).mean() < 0.03
