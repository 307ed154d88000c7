"""Sobol indices: how much of an outcome's variance is due to which factor, alone and with all its interactions.

For Y = f(X) with d independent factors, S_i = V(E(Y | X_i)) / V(Y) and T_i = E(V(Y | X_~i)) / V(Y) (Sobol 1993; Homma
and Saltelli 1996). The design has two matrices A and B of N points and, for each factor i, A with column i from B,
AB_i; then (Saltelli, Annoni, Azzini, Campolongo, Ratto and Tarantola, Comput. Phys. Commun. 181, 2010, table 2b and f)

    S_i = mean(f(B) (f(AB_i) - f(A))) / V,    T_i = mean((f(A) - f(AB_i))^2) / 2 V,    V = var(f(A), f(B)).

Outcomes are centred first, which changes neither in expectation and makes S_i less noisy.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import qmc

from hemicycle.core.seeding import key_of, rng
from hemicycle.simulations.contrasts import last_values

Array = NDArray[np.float64]
GROUP = ["opinion", "metric", "arm"]
COLUMNS = ["simulation", "opinion", "metric", "arm", "factor", "kind", "value", "low", "high"]
FEWEST_ROWS = 4
"""Rows of a design below which nothing is said."""
_CONSTANT = 1e-12


@dataclass(frozen=True)
class Design:
    """What is needed to read a table of cells.

    Args:
        simulation: its name.
        factors: in their order.
        samples: rows N of each block.
        seed: keys the bootstrap.
        resamples: bootstrap samples.
    """

    simulation: str
    factors: tuple[str, ...]
    samples: int
    seed: int = 0
    resamples: int = 1000


def saltelli(factors: int, samples: int, seed: int) -> Array:
    """Return the points of a Saltelli design in the unit cube, shape (factors + 2, samples, factors): A, B, AB_1 ...

    Args:
        factors: their number d.
        samples: rows of each block N, a power of 2.
        seed: scrambles the Sobol sequence of 2 d dimensions.
    """
    source = np.random.Generator(np.random.Philox(np.random.SeedSequence(key_of("saltelli", seed))))
    points = qmc.Sobol(2 * factors, rng=source, bits=64).random(samples)
    a, b = points[:, :factors], points[:, factors:]
    blocks = np.stack([a, b, *[a] * factors])
    for i in range(factors):
        blocks[i + 2, :, i] = b[:, i]
    return blocks


def indices(a: Array, b: Array, ab: Array) -> tuple[Array, Array]:
    """First and total indices.

    Args:
        a: outcomes at A, shape (..., n).
        b: outcomes at B, shape (..., n).
        ab: outcomes at AB_i, shape (d, ..., n).

    Returns:
        Both of shape (d, ...); NaN where the outcome does not vary.
    """
    both = np.concatenate([a, b], axis=-1)
    centre, variance = both.mean(axis=-1, keepdims=True), both.var(axis=-1)
    scale = np.where(variance > _CONSTANT * (1 + centre[..., 0] ** 2), variance, np.nan)
    first = ((b - centre) * (ab - a)).mean(axis=-1) / scale
    total = 0.5 * ((a - ab) ** 2).mean(axis=-1) / scale
    return first, total


def with_intervals(a: Array, b: Array, ab: Array, resamples: int, source: np.random.Generator) -> Array:
    """Indices with their 95 % bootstrap intervals over the rows of the design.

    Percentiles, as Archer, Saltelli and Sobol (J. Stat. Comput. Simul. 58, 1997).

    Args:
        a: outcomes at A, shape (n,).
        b: outcomes at B, shape (n,).
        ab: outcomes at AB_i, shape (d, n).
        resamples: bootstrap samples.
        source: draws them.

    Returns:
        Shape (2, d, 3): first and total; value, low, high.
    """
    value = np.stack(indices(a, b, ab))
    drawn = source.integers(len(a), size=(resamples, len(a)))
    again = np.stack(indices(a[drawn], b[drawn], ab[:, drawn]))
    ends = np.full((2, *value.shape), np.nan)
    known = np.isfinite(value[0])
    ends[:, :, known] = np.nanquantile(again[:, known], [0.025, 0.975], axis=-1)
    return np.stack([value, *ends], axis=-1)


def sensitivity_table(results: pd.DataFrame, design: Design) -> pd.DataFrame:
    """Sobol indices of every metric at the last step, from the finished cells of a design.

    The outcome of a cell is its mean over seeds. Rows of the design of which a cell is missing, or its metric is NaN,
    are left out.

    Args:
        results: columns simulation, cell, opinion, arm, seed, step, metric, value.
        design: what the cells are.

    Returns:
        Columns simulation, opinion, metric, arm, factor, kind (first or total), value, low, high.
    """
    last = last_values(results)
    rows: list[tuple[object, ...]] = []
    for (opinion, metric, arm), found in last.groupby(GROUP, sort=True):
        keys = ("sensitivity", design.simulation, str(opinion), str(metric), str(arm), design.seed)
        outcome = found.groupby("cell")["value"].agg(lambda values: values.mean(skipna=False))
        rows += [(design.simulation, opinion, metric, arm, *row) for row in _rows(outcome, design, keys)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(outcome: "pd.Series[float]", design: Design, keys: tuple[str | int, ...]) -> list[tuple[object, ...]]:
    n, d = design.samples, len(design.factors)
    cells = outcome.reindex(range(1, n * (d + 2) + 1)).to_numpy(np.float64)
    values: Array = np.asarray(cells, np.float64).reshape(d + 2, n)
    whole = np.flatnonzero(np.isfinite(values).all(axis=0))
    values = values[:, whole]
    if values.shape[1] < FEWEST_ROWS:
        return []
    found = with_intervals(values[0], values[1], values[2:], design.resamples, rng(*keys))
    return [
        (factor, kind, *found[k, i].tolist())
        for k, kind in enumerate(("first", "total"))
        for i, factor in enumerate(design.factors)
    ]
