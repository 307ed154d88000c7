"""The exogenous rate of events: constant, or constant on pieces that may repeat every day or week."""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
_MOST_PIECES = 200


class Baseline(Options):
    """How the exogenous rate varies: ``{}`` constant; ``{width: 1, cycle: 24}`` hour of the day (unit hour);
    ``{width: 168}`` each week has its own.
    """  # noqa: D205  # one sentence with its examples

    width: float | None = Field(None, gt=0)
    """Length of a piece in units of time; default: constant."""
    cycle: float | None = Field(None, gt=0)
    """Length after which the pieces repeat, a multiple of the width; default: they do not."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.cycle is None:
            return self
        if self.width is None or abs(self.cycle / self.width - round(self.cycle / self.width)) > 1e-9:
            raise ValueError("'cycle' must be a multiple of 'width', e.g. {width: 1, cycle: 24}")
        return self

    def n_pieces(self, horizon: float) -> int:
        """Number of pieces.

        Raises:
            InputError: there are more than 200.
        """
        if self.width is None:
            return 1
        pieces = round(self.cycle / self.width) if self.cycle else max(1, int(np.ceil(horizon / self.width - 1e-9)))
        if pieces > _MOST_PIECES:
            remedy = "make 'width' longer, or let pieces repeat: 'cycle'"
            raise InputError(f"the baseline has {pieces} pieces, at most {_MOST_PIECES} can be", "baseline", remedy)
        return pieces

    def piece(self, times: Floats, horizon: float) -> NDArray[np.int64]:
        """Position of the piece that each time lies in, shape (n,)."""
        if self.width is None:
            return np.zeros(len(times), np.int64)
        places = np.floor(times / self.width).astype(np.int64)
        return np.asarray(
            places % self.n_pieces(horizon) if self.cycle else np.minimum(places, self.n_pieces(horizon) - 1)
        )

    def edges(self, start: float, end: float) -> Floats:
        """Times from ``start`` to ``end`` between which the rate is constant, both included."""
        if self.width is None:
            return np.array([start, end])
        inner = np.arange(np.floor(start / self.width) + 1, np.ceil(end / self.width)) * self.width
        return np.concatenate([[start], inner[(inner > start) & (inner < end)], [end]])

    def exposure(self, start: float, end: float, horizon: float) -> Floats:
        """Time that each piece has between ``start`` and ``end``, shape (n_pieces,)."""
        edges = self.edges(start, end)
        pieces = self.piece((edges[:-1] + edges[1:]) / 2, horizon)
        return np.asarray(np.bincount(pieces, np.diff(edges), self.n_pieces(horizon)), np.float64)

    def integral(self, rates: Floats, times: Floats, start: float, horizon: float) -> Floats:
        """Integral of the rate from ``start`` to each time, shape (n,)."""
        edges = self.edges(start, horizon)
        pieces = self.piece((edges[:-1] + edges[1:]) / 2, horizon)
        total = np.concatenate([[0.0], np.cumsum(rates[pieces] * np.diff(edges))])
        return np.asarray(np.interp(times, edges, total))


def sampled(profile: Baseline, rates: Floats, horizon: float, rng: np.random.Generator) -> Floats:
    """Draw the times of a Poisson process with the rates of the pieces, by inversion of its integral.

    Raises:
        InputError: the number of rates is neither 1 nor the number of pieces.
    """
    pieces = profile.n_pieces(horizon)
    if len(rates) not in (1, pieces):
        what = f"the baseline has {len(rates)} rates for {pieces} pieces"
        raise InputError(what, "baseline", f"give 1 or {pieces} a source")
    rates = np.broadcast_to(rates, (pieces,))
    edges = profile.edges(0.0, horizon)
    mass = rates[profile.piece((edges[:-1] + edges[1:]) / 2, horizon)] * np.diff(edges)
    number = rng.poisson(mass)
    return np.asarray(np.repeat(edges[:-1], number) + rng.random(int(number.sum())) * np.repeat(np.diff(edges), number))
