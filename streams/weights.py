"""Weights of the dimensions that a worker scores with: the default ones, or those of a file."""

from pathlib import Path

import msgspec

from scoring.weights import DEFAULT, StatedBadly, Weights, stated_weights

__all__ = ["adopted_weights"]


def adopted_weights(path: str) -> Weights:
    """The weights of a file, as ``trustscore weights fit --out`` writes it; the default ones where none is named.

    Raises
    ------
    StatedBadly
        When it cannot be read, is no JSON, or states no usable weights.
    """
    if not path:
        return DEFAULT
    try:
        return stated_weights(msgspec.json.decode(Path(path).read_bytes()))
    except OSError as fault:
        raise StatedBadly("weights", "a file that can be read", f"{path} ({fault.strerror})") from None
    except msgspec.DecodeError as fault:
        raise StatedBadly("weights", "JSON", f"{path} ({fault})") from None
