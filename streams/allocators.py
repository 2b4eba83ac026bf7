"""How libraries keep what they freed. Import this before any of them: they read it when they are loaded.

deltalake's allocator keeps what a commit took until it next has to do; Arrow's keeps of every thread its own. Both
give it back at once with this, or leave it to glibc, which ``streams.memory`` sees to. numpy asks for pages of 2 MiB
where it takes 4 MiB or more, and the places keep them: what is freed and given back there, a small array makes resident
2 MiB at a time.
"""

import os
from typing import Final

__all__ = ["SAID"]

SAID: Final = {
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "NUMPY_MADVISE_HUGEPAGE": "0",
}
"""Variables of the environment, unless the user has set them."""

for name, value in SAID.items():
    os.environ.setdefault(name, value)
