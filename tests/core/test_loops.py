"""Rows shared out among threads."""

import gc
import os
import threading
import time
import weakref

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core import loops
from hemicycle.core.loops import compiled, over_entries, over_rows


@compiled
def _count(span, counts):
    for i in range(span[0], span[1]):
        counts[i] += 1


@pytest.fixture
def two_threads():
    before = numba.get_num_threads()
    numba.set_num_threads(min(2, numba.config.NUMBA_NUM_THREADS))
    yield
    numba.set_num_threads(before)


@given(st.integers(0, 300), st.sampled_from([0, 10, 10**6, 10**12]))
def test_every_row_comes_up_once(n_rows, work):
    counts = np.zeros(n_rows, np.int64)
    over_rows(_count, n_rows, counts, work=work)
    assert (counts == 1).all()


@given(st.lists(st.integers(0, 3).map(lambda power: 0 if power == 3 else 10 ** (2 * power)), max_size=40))
def test_every_row_comes_up_once_whatever_its_entries(lengths):
    before, loops._WORK_A_PART = loops._WORK_A_PART, 100
    counts = np.zeros(len(lengths), np.int64)
    try:
        over_entries(_count, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), counts)
    finally:
        loops._WORK_A_PART = before
    assert (counts == 1).all()


def threads_of(work):
    """Names of the threads that run parts, and the parts."""
    names, spans = [], []

    def kernel(span):
        names.append(threading.current_thread().name)
        spans.append(span)

    over_rows(kernel, 1000, work=work)
    return names, sorted(spans)


def test_small_work_is_one_part_and_stays_where_it_is():
    assert threads_of(99_999) == ([threading.current_thread().name], [(0, 1000)])


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only on this machine")
@pytest.mark.usefixtures("two_threads")
def test_much_work_is_done_in_parts_by_threads_that_stay():
    names, spans = threads_of(10**9)
    assert len(spans) == 64
    assert [spans[0][0], spans[-1][1]] == [0, 1000]
    assert [stop for _, stop in spans[:-1]] == [start for start, _ in spans[1:]]
    here = threading.current_thread().name
    assert all(name == here or name.startswith("rows") for name in names)
    running = threading.active_count()
    threads_of(10**9)
    assert threading.active_count() == running


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only on this machine")
@pytest.mark.usefixtures("two_threads")
def test_an_error_in_a_thread_is_raised():
    def kernel(span):
        raise ValueError(f"row {span[0]}")

    with pytest.raises(ValueError, match=r"row \d+"):
        over_rows(kernel, 1000, work=10**9)


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only on this machine")
@pytest.mark.usefixtures("two_threads")
def test_threads_that_wait_hold_nothing():
    counts = np.zeros(1000, np.int64)
    held = weakref.ref(counts)
    over_rows(_count, 1000, counts, work=10**9)
    assert (counts == 1).all()
    del counts
    deadline = time.monotonic() + 60
    while held() is not None and time.monotonic() < deadline:  # the thread lets go after it has said that it is done
        gc.collect()
    assert held() is None


def test_a_forked_process_has_threads_of_its_own():
    one = loops._helpers(os.getpid(), 2)
    assert loops._helpers(os.getpid(), 2) is one
    assert loops._helpers(-1, 2) is not one
