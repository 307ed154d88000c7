"""Features of the intensities: lambda_i(t_n) = x_n . theta_i, made in one pass over the events, a stretch at a time.

The columns of x are the pieces of the baseline, then the kernels of every source, exponential by exponential where
their weights are estimated. Memory does not depend on the number of events.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.baseline import Baseline
from hemicycle.agenda.hawkes.events_file import Events
from hemicycle.agenda.hawkes.kernels import Kernel
from hemicycle.agenda.hawkes.loops import own_rows, shared_rows

Floats = NDArray[np.float64]
_STRETCH_BYTES = 1 << 24
_FADED = 50.0  # exp(-50) is nothing


@dataclass(frozen=True, eq=False)
class Stretch:
    """Features of the events of a stretch of time, sorted by target.

    Args:
        features: x, shape (rows, n_columns).
        slopes: derivatives of each source's kernel to the logarithms of the shape parameters, shape
            (rows, n_parameters or 1, n_sources); no parameters: shape (rows, 0, n_sources).
        bounds: rows of target i are bounds[i] to bounds[i + 1], shape (n_targets + 1,).
        events: positions of the rows in the events, shape (rows,).
    """

    features: Floats
    slopes: Floats
    bounds: NDArray[np.int64]
    events: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """What the intensities are made of.

    Args:
        events: all of them: the past of the window counts.
        baseline: pieces of the exogenous rate.
        window: (from, to]: which events the likelihood is of; default: all.
    """

    events: Events
    baseline: Baseline = field(default_factory=Baseline)
    window: tuple[float, float] | None = None

    @property
    def span(self) -> tuple[float, float]:
        """Beginning and end of the window."""
        return self.window or (self.events.start, self.events.horizon)

    @cached_property
    def n_pieces(self) -> int:
        """Pieces of the baseline, the first columns."""
        return self.baseline.n_pieces(self.events.horizon)

    def n_columns(self, kernel: Kernel) -> int:
        """Columns of x."""
        return self.n_pieces + kernel.n_columns * self.events.n_sources

    @cached_property
    def target_of(self) -> NDArray[np.int64]:
        """Target of each event inside the window, -1: none."""
        numbers = np.full(self.events.n_sources, -1)
        numbers[self.events.targets] = np.arange(len(self.events.targets))
        first, last = self.span
        inside = (self.events.times > first) | ((self.window is None) & (self.events.times >= first))
        return np.where(inside & (self.events.times <= last), numbers[self.events.marks], -1)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Events of each target in the window."""
        return np.bincount(self.target_of + 1, minlength=len(self.events.targets) + 1)[1:]

    @cached_property
    def pieces(self) -> NDArray[np.int64]:
        """Piece of the baseline at each event."""
        return self.baseline.piece(self.events.times, self.events.horizon)

    # -- pass over the events --------------------------------------------------------------------------------------

    def stretches(self, kernel: Kernel, slopes: bool = False) -> Iterator[Stretch]:
        """Yield the features of all events of targets in the window; ``slopes``: with derivatives."""
        memory = _Memory.empty(kernel, self.events, slopes)
        width = self.n_columns(kernel) * (1 + slopes * max(1, kernel.slopes.shape[1]))
        step = max(1024, _STRETCH_BYTES // (8 * width))
        last = int(np.searchsorted(self.events.times, self.span[1], "right"))
        for first in range(0, last, step):
            stretch = self._stretch(kernel, memory, slice(first, min(first + step, last)))
            if len(stretch.events):
                yield stretch

    def _stretch(self, kernel: Kernel, memory: "_Memory", part: slice) -> Stretch:
        target = self.target_of[part]
        order = np.argsort(target, kind="stable")
        order = order[int((target < 0).sum()) :]
        place = np.full(len(target), -1)
        place[order] = np.arange(len(order))
        features = np.empty((len(order), self.n_columns(kernel)))
        features[:, : self.n_pieces] = self.pieces[part][order][:, None] == np.arange(self.n_pieces)
        rows, slopes = memory.advance((self.events.times[part], self.events.marks[part]), place, len(order))
        features[:, self.n_pieces :] = rows
        bounds = np.searchsorted(target[order], np.arange(len(self.events.targets) + 1))
        return Stretch(features, slopes, bounds, order + part.start)

    # -- integrals ---------------------------------------------------------------------------------------------------

    def integrals(self, kernel: Kernel) -> Floats:
        """Integral of x over the window, shape (1 or n_targets, n_columns)."""
        first, last = self.span
        kernels = self._mass(kernel, last) - self._mass(kernel, first)
        exposure = np.broadcast_to(
            self.baseline.exposure(first, last, self.events.horizon), (len(kernels), self.n_pieces)
        )
        return np.hstack([exposure, kernels])

    def integral_slopes(self, kernel: Kernel) -> Floats:
        """Derivatives of sources' integrals to the shape, shape (1 or n_targets, n_parameters, n_sources)."""
        first, last = self.span
        return self._mass_slopes(kernel, last) - self._mass_slopes(kernel, first)

    def _mass(self, kernel: Kernel, end: float) -> Floats:
        """Integral of the kernels of all events from each to ``end``, shape (1 or n_targets, columns)."""
        faded = self._faded(kernel, end)[0]
        seen = self.events.marks[: int(np.searchsorted(self.events.times, end, "right"))]
        counts = np.bincount(seen, minlength=self.events.n_sources)
        if kernel.own:
            return np.asarray(counts - faded)
        return np.asarray(np.einsum("kl,kj->lj", kernel.mix, counts - faded).reshape(1, -1))

    def _mass_slopes(self, kernel: Kernel, end: float) -> Floats:
        faded, lagged = self._faded(kernel, end)
        if kernel.own:
            return lagged[:, None, :]
        if kernel.slopes.shape[1]:
            counts = np.bincount(
                self.events.marks[: int(np.searchsorted(self.events.times, end, "right"))], minlength=faded.shape[1]
            )
            return np.asarray(np.einsum("kq,kj->qj", kernel.slopes, counts - faded)[None])
        return lagged[None]

    def _faded(self, kernel: Kernel, end: float) -> tuple[Floats, Floats]:
        """Sums of exp(-beta s) and beta s exp(-beta s) over events s before ``end``: (K or targets, n_sources)."""
        rates = kernel.rates if kernel.own else np.broadcast_to(kernel.rates[:, None], (len(kernel.rates), 1))
        if kernel.own and len(rates) > 1:
            rates = rates[self.events.targets]
        rates = np.broadcast_to(rates, (len(rates), self.events.n_sources))
        return _faded_sums(self.events, rates, end)


def _faded_sums(events: Events, rates: Floats, end: float) -> tuple[Floats, Floats]:
    last = int(np.searchsorted(events.times, end, "right"))
    plain, lagged = np.zeros(rates.shape), np.zeros(rates.shape)
    for k, row in enumerate(rates):
        first = int(np.searchsorted(events.times, end - _FADED / row.min()))
        marks = events.marks[first:last]
        scaled = row[marks] * (end - events.times[first:last])
        left = np.exp(-scaled)
        plain[k] = np.bincount(marks, left, len(row))
        lagged[k] = np.bincount(marks, scaled * left, len(row))
    return plain, lagged


@dataclass(frozen=True, eq=False)
class _Memory:
    """State of the recursion between two stretches."""

    kernel: Kernel
    state: Floats
    lags: Floats
    clock: Floats
    slopes: bool

    @classmethod
    def empty(cls, kernel: Kernel, events: Events, slopes: bool) -> "_Memory":
        n = events.n_sources
        if kernel.own:
            shape = (len(kernel.rates), n)
            return cls(kernel, np.zeros(shape), np.zeros(shape), np.full(n, events.start), slopes)
        shape = (len(kernel.rates), n)
        lagged = slopes and not kernel.slopes.shape[1]
        return cls(kernel, np.zeros(shape), np.zeros(shape if lagged else (0, 0)), np.full(1, events.start), slopes)

    def advance(
        self, events: tuple[Floats, NDArray[np.int64]], place: NDArray[np.int64], rows: int
    ) -> tuple[Floats, Floats]:
        """Features and slopes of a stretch: shapes (rows, columns) and (rows, n_parameters, n_sources)."""
        n, kernel = self.state.shape[1], self.kernel
        lags = np.empty((rows, n) if self.slopes and not kernel.slopes.shape[1] else (0, 0))
        if kernel.own:
            out = np.empty((rows, n))
            own_rows(events, kernel.rates, self.state, self.lags, self.clock, place, out, lags)
            return out, _layers(lags, rows, n)
        mixes = np.hstack([kernel.mix, kernel.slopes]) if self.slopes else kernel.mix
        out = np.empty((rows, mixes.shape[1] * n))
        shared_rows(
            events, kernel.rates, np.ascontiguousarray(mixes), self.state, self.lags, self.clock, place, out, lags
        )
        columns = kernel.n_columns * n
        if kernel.slopes.shape[1] and self.slopes:
            return out[:, :columns], out[:, columns:].reshape(rows, -1, n)
        return out, _layers(lags, rows, n)


def _layers(lags: Floats, rows: int, n_sources: int) -> Floats:
    """Slopes of one parameter, or none."""
    return lags[:, None, :] if lags.size else np.zeros((rows, 0, n_sources))
