"""Let large temporaries of a training step reuse memory instead of asking the system for it each time.

glibc gives blocks of more than 32 MB back at once, and the system clears every page before it hands it out again: with
a table of a million rows that is a third of a step.
"""

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST = (1 << 31) - 1


@cache
def keep_freed_memory() -> bool:
    """Keep what this process frees for its next allocations; return whether its C library can (glibc's mallopt(3))."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    kept = [library.mallopt(option, value) for option, value in ((_MMAP_THRESHOLD, _LARGEST), (_TRIM_THRESHOLD, -1))]
    return all(kept)


def give_back_memory() -> None:
    """Give all memory that is free back to the system, where the C library can (glibc's malloc_trim(3))."""
    library = ctypes.CDLL(None)
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(ctypes.c_size_t(0))
