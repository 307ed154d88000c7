"""Compiled loops, and loops over rows shared out among threads.

A loop over rows is compiled as ``kernel(span, *given)`` for the rows from ``span[0]`` to ``span[1]``, without Python's
lock. It writes to rows of its own alone, so that results do not depend on the number of threads. The threads are
Python's, as many as ``numba.get_num_threads()`` at most: numba's own parallel loops take three times as long to compile
and make even small work, which is one part here, wait for threads to wake. They are handed their parts by a queue: 20
microseconds, against 70 of the standard library's executors.
"""

import os
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from queue import SimpleQueue
from threading import Thread
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

compiled: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(
    nogil=True, cache=bool(os.environ.get("NUMBA_CACHE_DIR"))
)
"""Compile a loop for one thread; kept between processes where ``NUMBA_CACHE_DIR`` names a folder."""

_WORK_A_PART = 100_000  # sums of an entry or so; below, handing a part to a thread takes longer than the work
_MOST_PARTS = 64  # enough for threads to end together where some rows take far longer than others


def over_rows(kernel: Callable[..., None], n_rows: int, *given: Any, work: int) -> None:
    """Call a kernel on parts of equally many rows.

    Args:
        kernel: compiled, as this module says.
        n_rows: number of rows.
        given: further arguments of the kernel.
        work: what all rows take, in sums of an entry: decides on the number of parts.
    """
    _over(kernel, _cuts(n_rows, work).tolist(), *given)


def over_entries(kernel: Callable[..., None], indptr: NDArray[np.integer[Any]], *given: Any) -> None:
    """Call a kernel on parts of the rows of a compressed sparse matrix with about equally many entries.

    Args:
        kernel: compiled, as this module says.
        indptr: of the matrix, shape (n_rows + 1,).
        given: further arguments of the kernel.
    """
    entries = int(indptr[-1])
    edges = np.searchsorted(indptr, _cuts(entries, entries)).tolist()
    edges[0], edges[-1] = 0, len(indptr) - 1
    _over(kernel, edges, *given)


def _cuts(n: int, work: int) -> NDArray[np.int64]:
    """Ends of as many parts of n as the work is worth: one, or equally many a thread."""
    threads, parts = numba.get_num_threads(), 1 + work // _WORK_A_PART
    most = max(1, _MOST_PARTS // threads)
    parts = 1 if parts == 1 else min(most, -(-parts // threads)) * threads
    return np.arange(parts + 1) * n // parts


def _over(kernel: Callable[..., None], edges: list[int], *given: Any) -> None:
    """Let this thread and others take part after part, until none is left."""
    spans = iter(list(pairwise(edges)))  # a list's iterator gives each item to one thread

    def take() -> None:
        for span in spans:
            kernel(span, *given)

    others = min(numba.get_num_threads(), len(edges) - 1) - 1
    ended: _Ended = SimpleQueue()
    for _ in range(others):
        _helpers(os.getpid(), others).put((take, ended))
    try:
        take()
    finally:
        errors = [ended.get() for _ in range(others)]
    for error in errors:
        if error is not None:
            raise error


_Ended = SimpleQueue[BaseException | None]
_Tasks = SimpleQueue[tuple[Callable[[], None], _Ended]]


@cache
def _helpers(process: int, threads: int) -> _Tasks:
    """Queue of threads that wait for work; those of another process are not there after a fork."""
    tasks: _Tasks = SimpleQueue()
    for number in range(threads):
        Thread(target=_help, args=(tasks,), name=f"rows-{process}-{number}", daemon=True).start()
    return tasks


def _help(tasks: _Tasks) -> None:
    while True:
        take, ended = tasks.get()
        error = None
        try:
            take()
        except BaseException as raised:  # noqa: BLE001 - raised again where the task came from
            error = raised
        ended.put(error)
        del take, ended, error  # and with them arrays, while nothing is to be done
