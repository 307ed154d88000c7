"""Where Friedkin and Johnsen's model comes to rest, without walking there.

The fixed point of F(x) = Theta s + (I - Theta) W x solves (I - (I - Theta) W) z = F(0). Where susceptibility is by
degree and the weights are symmetric, both sides times 1 + d give (I + L) z = s, which is symmetric and positive
definite: conjugate gradients (Hestenes and Stiefel, J. Res. NBS 49, 1952). Otherwise the matrix is no symmetric one:
GMRES (Saad and Schultz, SIAM J. Sci. Stat. Comput. 7, 1986). Its eigenvalues lie in a disc about 1 of radius below 1
once every user is reached by some innate opinion; elsewhere no fixed point is the only one. Weights are used as they
lie in memory: no matrix is built.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.sparse.linalg import LinearOperator, cg, gmres

from hemicycle.core.config import Options
from hemicycle.core.errors import HemicycleError, InputError
from hemicycle.core.seeding import rng
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.opinions.kernels import pulled

Vector = NDArray[np.float64]


class ConvergenceError(HemicycleError):
    """An iteration ended before its result was as exact as asked for."""


class Solver(Options):
    """How exactly a fixed point is wanted."""

    tolerance: float = Field(default=1e-10, gt=0, lt=1)
    """Largest norm of the residual, as a share of the norm of the right-hand side, in every dimension."""
    iterations: int = Field(default=1000, ge=1)
    """Most products with the matrix."""


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A fixed point.

    Args:
        opinions: float64, shape (n_users, n_dims).
        iterations: products with the matrix, over all dimensions.
        residual: largest of the dimensions' relative residuals.
        method: ``conjugate gradients`` or ``gmres``.
    """

    opinions: NDArray[np.float64]
    iterations: int
    residual: float
    method: str


def equilibrium(sources: Sources, innate: Opinions, pull: Vector | None, solver: Solver) -> Equilibrium:
    """Solve for the fixed point.

    Args:
        sources: what users see, always; those beyond the users stay at their positions.
        innate: s, shape (n_users, n_dims).
        pull: susceptibility, the diagonal of I - Theta, shape (n_users,); None: by degree, w / (1 + w).
        solver: tolerance and limit.

    Raises:
        InputError: some users are reached by no innate opinion and no source beyond the users.
        ConvergenceError: the residual is above the tolerance after all iterations.
    """
    symmetric = pull is None and _is_symmetric(sources)
    if pull is not None:
        _check_anchored(sources, pull)
    method = "conjugate gradients" if symmetric else "gmres"
    solved = [
        _solve(_one(sources, d), innate[:, [d]].astype(np.float64), pull, solver, symmetric=symmetric)
        for d in range(innate.shape[1])
    ]
    columns, counts, residuals = zip(*solved, strict=True)
    if max(residuals) > solver.tolerance:
        what = f"{method} stopped at a relative residual of {max(residuals):.2g}, above {solver.tolerance:g}"
        raise ConvergenceError(f"{what}\n    -> allow more than {solver.iterations} iterations, or a larger tolerance")
    return Equilibrium(np.column_stack(columns), sum(counts), max(residuals), method)


def _one(sources: Sources, dimension: int) -> Sources:
    """Return the sources in one dimension, in double precision."""
    return replace(sources, positions=sources.positions[:, [dimension]].astype(np.float64))


def _solve(
    sources: Sources, innate: NDArray[np.float64], pull: Vector | None, solver: Solver, *, symmetric: bool
) -> tuple[Vector, int, float]:
    """Fixed point, products and relative residual in one dimension."""
    n, count = len(innate), 0
    zero = np.zeros_like(innate)
    scale = 1.0 + sources.totals if symmetric else np.ones(n)
    constant = pulled(sources.at(zero), zero, innate, pull)[:, 0]
    linear = replace(sources, positions=np.zeros_like(sources.positions))

    def product(z: Vector) -> Vector:
        nonlocal count
        count += 1
        x = np.ascontiguousarray(z, dtype=np.float64).reshape(-1, 1)
        return scale * (x - pulled(linear.at(x), x, zero, pull))[:, 0]

    right = scale * constant
    size = float(np.linalg.norm(right))
    if size == 0:
        return np.zeros(n), 0, 0.0
    z = _krylov(product, right, scale, innate[:, 0], solver, symmetric=symmetric)
    return z, count, float(np.linalg.norm(right - product(z))) / size


def _krylov(  # noqa: PLR0913 - the parts of a linear system
    product: Callable[[Vector], Vector], right: Vector, scale: Vector, start: Vector, solver: Solver, *, symmetric: bool
) -> Vector:
    """Solve product(z) = right; scale is the diagonal, near enough, of a symmetric matrix."""
    matrix = LinearOperator((len(right), len(right)), matvec=product, dtype=np.float64)
    exact = solver.tolerance / 4  # what the recurrences take for the residual drifts from the true one
    if symmetric:
        diagonal = LinearOperator(matrix.shape, matvec=lambda z: z / scale, dtype=np.float64)
        found, _ = cg(matrix, right, x0=start, rtol=exact, maxiter=solver.iterations, M=diagonal)
    else:
        cycle = min(30, solver.iterations)
        found, _ = gmres(matrix, right, x0=start, rtol=exact, restart=cycle, maxiter=solver.iterations // cycle)
    return np.asarray(found, dtype=np.float64)


def _is_symmetric(sources: Sources) -> bool:
    """Tell whether the weights among users are symmetric, by u'Av = v'Au for two random vectors."""
    n = sources.n_users
    u, v = rng("symmetry of weights", n).uniform(0.5, 1.5, (2, n, 1))
    totals = sources.totals[:, None]
    rest = np.zeros_like(sources.positions[n:, :1], dtype=np.float64)
    zero = replace(sources, positions=np.concatenate([u, rest]))
    one, other = (_sums(zero, x, totals) for x in (u, v))
    forth, back = float((v * one).sum()), float((u * other).sum())
    return abs(forth - back) <= 1e-9 * abs(forth)


def _sums(sources: Sources, x: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """A x for the weights A among users."""
    means = pulled(sources.at(x), x, x, np.ones(len(x)))
    return np.where(totals > 0, means * totals, 0.0)


def _check_anchored(sources: Sources, pull: Vector) -> None:
    """Raise where some users follow, however far, nobody but users without a will of their own."""
    anchored: Opinions = (pull < 1)[:, None].astype(np.float64)
    rest = np.ones_like(sources.positions[len(pull) :, :1], dtype=np.float64)
    seen = replace(sources, positions=np.concatenate([anchored, rest]))
    while True:
        reached = ((pulled(seen.at(anchored), anchored, anchored, np.ones(len(pull))) > 0) | (anchored > 0)) * 1.0
        if reached.sum() == anchored.sum():
            break
        anchored = reached
    alone = int((anchored == 0).sum())
    if alone:
        what = f"{alone} users of susceptibility 1 are reached by no innate opinion: they have no single equilibrium"
        raise InputError(what, remedy="give them a susceptibility below 1, or walk there step by step")
