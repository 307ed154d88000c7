"""Surrogates by circular shifts: a leader's series moved along its own days, so that it leads nobody any more.

A shift keeps everything about the leader (its persistence, its bursts, its missing days) and everything about the
follower; only their timing goes (Quiroga, Kraskov, Kreuz and Grassberger 2002, Physical Review E 65). What is compared
is the largest value over all delays, surrogates' largest with the data's largest, so that having looked at several
delays costs no false findings.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Statistic = Callable[[Whole], Floats]
_FEWEST = 19


def starts(topics: int, times: int, options: LeadOptions, key: int) -> Whole:
    """Return the surrogates' shifts, in days, of each topic, shape (surrogates, topics).

    Shifts that are followed by delays which the data themselves are searched at, in either direction, are left out.

    Args:
        topics: their number.
        times: number of days.
        options: reach, surrogates, and whether topics are shifted together.
        key: of shifts drawn apart.

    Raises:
        InputError: too few days.
    """
    first, end = options.reach, times - 2 * options.reach
    if end - first < _FEWEST:
        raise InputError(
            f"{times} days leave fewer than {_FEWEST} shifts by more than the reach of {options.reach} days",
            "reach",
            "give more days, or a shorter reach",
        )
    if options.shifts == "together":
        return np.repeat(np.arange(first, end)[:, None], topics, 1)
    return rng("agenda shifts", key).integers(first, end, (options.surrogates, topics))


def surrogates(statistic: Statistic, shape: tuple[int, int], options: LeadOptions, key: int) -> Floats:
    """Return the statistic of every surrogate at every delay from 1 to the reach, (surrogates, reach, groups, groups).

    Args:
        statistic: takes days by which each topic's leader is shifted, (n, topics), and returns (n, groups, groups).
        shape: number of topics and of days.
        options: shifts, surrogates and reach.
        key: of the shifts drawn apart.
    """
    topics, times = shape
    first = starts(topics, times, options, key)
    delays = np.arange(1, options.reach + 1)
    if options.shifts == "together":
        every = statistic(np.repeat(np.arange(times)[:, None], topics, 1))
        return np.asarray(every[first[:, :1] + delays])
    return np.stack([statistic(first + delay) for delay in delays], 1)


def p_values(observed: Floats, shifted: Floats) -> Floats:
    """Return the share of surrogates, the data among them, whose largest value over delays is as large as the data's.

    Args:
        observed: shape (reach, groups, groups).
        shifted: shape (surrogates, reach, groups, groups).

    Returns:
        Shape (groups, groups); NaN on the diagonal.
    """
    larger = (shifted.max(1) >= observed.max(0) * (1 - 1e-12)).sum(0)
    return np.where(np.eye(observed.shape[1], dtype=bool), np.nan, (1 + larger) / (1 + len(shifted)))
