"""How libraries keep what they freed. Import this before any of them: they read it when they are loaded.

deltalake's allocator keeps what a commit took until it next has to do; Arrow's keeps of every thread its own. Both
give it back at once with this, or leave it to glibc, which ``streams.memory`` sees to.
"""

import os

__all__: list[str] = []

os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
