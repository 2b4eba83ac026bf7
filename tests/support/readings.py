"""Response times as WS-DREAM writes them, drawn from a seed."""

from pathlib import Path

import numpy as np

__all__ = ["write_readings"]


def write_readings(file: Path, seed: int, users: int, services: int, slots: int) -> Path:
    """Seconds of each user at each service; the last service times out half of the time, the others in one of 100."""
    rng = np.random.default_rng(seed)
    lines = ["user,service," + ",".join(f"t{slot:02d}" for slot in range(slots))]
    for service in range(services):
        for user in range(users):
            down = rng.random(slots) < (0.5 if service == services - 1 else 0.01)
            seconds = np.where(down, 20.0, rng.uniform(0.1, 2, slots))
            lines.append(f"{user},{service}," + ",".join(f"{each:.3f}" for each in seconds))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
