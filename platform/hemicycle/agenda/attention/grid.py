"""From rows to a regular grid of times: step, gaps, several rows a cell, shares of all attention."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.attention.attention import Times
from hemicycle.agenda.attention.cells import Cells
from hemicycle.agenda.attention.config import AttentionConfig, Step
from hemicycle.core.errors import InputError, Problem, raise_problems

SECONDS: dict[Step, int] = {"hour": 3600, "day": 86_400, "week": 604_800}
UNITS = (0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6)
"""Rounding units that are recognised."""
_MONDAY = 4 * 86_400
_SHOWN = 5


# -- times -------------------------------------------------------------------------------------------------------------


def infer_step(times: NDArray[np.int64]) -> Step | None:
    """Return the longest step of which all distances between times are multiples; a day where there is one time."""
    seen = np.unique(times)
    distances = seen[1:] - seen[:-1]
    if not distances.size:
        return "day"
    steps: tuple[Step, ...] = ("week", "day", "hour")
    fitting = [step for step in steps if not (distances % np.int64(SECONDS[step])).any()]
    return fitting[0] if fitting else None


def step_of(config: AttentionConfig, times: NDArray[np.int64]) -> Step:
    """Return the step that is given, or inferred.

    Args:
        config: what the file holds.
        times: of all rows, in seconds since 1970, shape (rows,).

    Raises:
        InputError: none can be inferred.
    """
    found = config.step or infer_step(times)
    if config.form == "texts" and config.step is None and found in {None, "hour"}:
        found = "day"  # whole hours tell nothing of how often groups speak
    if found is None:
        raise InputError(
            "the times are neither weeks, days nor hours apart", config.file, "write 'step: hour', 'day' or 'week'"
        )
    return found


def on_grid(config: AttentionConfig, times: NDArray[np.int64]) -> tuple[NDArray[np.int64], Times]:
    """Return each row's place on the grid, and the grid.

    Args:
        config: what the file holds.
        times: of all rows, in seconds since 1970, shape (rows,).

    Returns:
        Shapes (rows,) and (times,).

    Raises:
        InputError: a gap, when gaps are refused.
    """
    step = step_of(config, times)
    origin = int(times.min()) if config.step is None and infer_step(times) == step else _MONDAY
    places = (times - origin) // SECONDS[step]
    first, last = int(places.min()), int(places.max())
    grid = (origin + np.arange(first, last + 1) * SECONDS[step]).astype("datetime64[s]")
    if config.gaps == "refuse":
        raise_problems(_gaps(config, grid, np.isin(np.arange(first, last + 1), places), step))
    return places - first, grid


def _gaps(config: AttentionConfig, grid: Times, seen: NDArray[np.bool_], step: Step) -> Iterator[Problem]:
    if seen.all():
        return
    unseen = np.flatnonzero(~seen)
    runs = np.split(unseen, np.flatnonzero(np.diff(unseen) > 1) + 1)
    words = [_span(grid[run[0]], grid[run[-1]], step) for run in runs[:_SHOWN]]
    more = f" and {len(runs) - _SHOWN} more gaps" if len(runs) > _SHOWN else ""
    yield Problem(
        f"{len(unseen)} of {len(grid)} {step}s have no row: {', '.join(words)}{more}",
        where=f"{config.file} column {config.columns.time!r}",
        remedy="complete the file, choose a period with first and last, or write 'gaps: missing'",
    )


def _span(first: np.datetime64, last: np.datetime64, step: Step) -> str:
    low, high = (str(time.astype("datetime64[h]" if step == "hour" else "datetime64[D]")) for time in (first, last))
    return low if low == high else f"{low} to {high}"


# -- cells -------------------------------------------------------------------------------------------------------------


def rounding_unit(values: NDArray[np.float64]) -> float:
    """Return the largest unit of which all values are multiples; 0: they are not rounded."""
    positive = np.unique(values[values > 0])
    for unit in UNITS if positive.size else ():
        multiples = positive / unit
        if np.abs(multiples - np.round(multiples)).max() < 1e-6:
            return unit
    return 0.0


def shares_of(config: AttentionConfig, cells: Cells) -> tuple[NDArray[np.float64], Times]:
    """Shares of attention, shape (topics, times, groups), and the grid of times.

    Args:
        config: what the file holds.
        cells: its rows.

    Raises:
        InputError: gaps, conflicting rows, shares that add up to more than 1.
    """
    places, grid = on_grid(config, cells.times)
    if config.counted:
        shares = _share(_dense(config, cells, places, len(grid)))
        return shares, grid
    moments, raw = np.unique(cells.times, return_inverse=True)
    fine = _dense(config, cells, raw, len(moments))
    fine[:, ~(np.nan_to_num(fine) > 0).any(axis=0)] = np.nan
    raise_problems(_too_much(config, fine, cells, moments))
    of_moment = np.empty(len(moments), np.int64)
    of_moment[raw] = places
    return _averaged(np.minimum(fine, 1), of_moment, len(grid)), grid


def _dense(config: AttentionConfig, cells: Cells, places: NDArray[np.int64], n_times: int) -> NDArray[np.float64]:
    """Sum of the rows of every cell, shape (topics, times, groups)."""
    shape = (len(cells.topics), n_times, len(cells.groups))
    flat = np.ravel_multi_index((cells.topic, places, cells.group), shape)
    empty, size = np.isnan(cells.values), int(np.prod(shape))
    rows, blanks = np.bincount(flat, minlength=size), np.bincount(flat[empty], minlength=size)
    raise_problems(_conflicts(config, int(((blanks > 0) & (blanks < rows)).sum())))
    raise_problems([] if config.counted else _repeated(config, int((rows > 1).sum())))
    dense = np.bincount(flat, np.nan_to_num(cells.values), minlength=size).reshape(shape)
    known = ((rows > 0) & (blanks == 0)).reshape(shape)
    if config.absent == "zero" or (config.absent is None and config.counted):
        known = np.broadcast_to(known.any(axis=0), shape) & (blanks == 0).reshape(shape)
    return np.where(known, dense, np.nan)


def _conflicts(config: AttentionConfig, count: int) -> Iterator[Problem]:
    if count:
        yield Problem(
            f"{count} cells (time, topic, group) have one row with a number and another that is empty",
            where=config.file,
            remedy="keep one row a cell",
        )


def _repeated(config: AttentionConfig, count: int) -> Iterator[Problem]:
    """Shares are whole: a cell has one. Counts are added."""
    if count:
        yield Problem(
            f"{count} cells (time, topic, group) have several rows of shares",
            where=config.file,
            remedy="keep one row a cell; write 'values: counts' for counts, which are added; add topics by 'merge'",
        )


def _share(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.nansum(counts, axis=0)
    return np.asarray(np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0))


def _averaged(fine: NDArray[np.float64], places: NDArray[np.int64], n_times: int) -> NDArray[np.float64]:
    """Means of the observed shares of each step."""
    if len(places) == n_times and (np.diff(places) == 1).all():
        return fine
    seen = np.isfinite(fine)
    out = np.zeros((fine.shape[0], n_times, fine.shape[2]))
    count = np.zeros_like(out)
    where: Any = (slice(None), places)
    np.add.at(out, where, np.nan_to_num(fine))
    np.add.at(count, where, seen)
    return np.asarray(np.divide(out, count, out=np.full_like(out, np.nan), where=count > 0))


def _too_much(
    config: AttentionConfig, shares: NDArray[np.float64], cells: Cells, moments: NDArray[np.int64]
) -> Iterator[Problem]:
    """Shares of a group that add up to more than rounding and tolerance explain."""
    total = np.nansum(shares, axis=0)
    most = 1 + config.tolerance + len(cells.topics) * rounding_unit(cells.values) / 2 + 1e-9
    for group in np.flatnonzero((total > most).any(axis=0)):
        bad = np.flatnonzero(total[:, group] > most)
        first = ", ".join(str(time).replace("T00:00:00", "") for time in moments[bad[:3]].astype("datetime64[s]"))
        yield Problem(
            f"the shares of {cells.groups[group]!r} add up to more than 1 at {len(bad)} times "
            f"(up to {total[:, group].max():.3g}; first: {first})",
            where=config.file,
            remedy="write 'values: counts' for counts; or raise 'tolerance'",
        )
