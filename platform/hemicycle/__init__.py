"""hemicycle: what recommender systems learn about politics, and what that does to society."""

import os
from pathlib import Path

__version__ = "0.1.0"


def _keep_compiled_kernels() -> None:
    """Let numba keep what it compiles in the user's cache, so that each process does not compile it again.

    Numba reads the variable when kernels are defined, so it is set here, before any of them is imported.
    """
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hemicycle" / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))


_keep_compiled_kernels()
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
"""Large tensors lie in huge pages: products that read rows at random take a third less time. torch reads the variable
at its first large tensor; elsewhere than on Linux it is without meaning."""
