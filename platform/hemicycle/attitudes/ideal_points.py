"""Bayesian ideal points in Barberá's spatial following model, for follows and for roll-call votes.

    P(y_ij = 1) = logit^-1(alpha_j + beta_i - gamma |theta_i - phi_j|^2)

(Barberá 2015, *Birds of the same feather tweet together*, Political Analysis 23(1), eq. 1): user i follows actor j the
more likely the nearer they stand, popularity alpha and activity beta apart. Every one of the n x m cells counts, those
without an edge exactly too: nothing is sampled. Blocks of Gauss-Newton steps alternate between users and actors
(:mod:`hemicycle.attitudes.spatial_posterior`) and every sweep ends by identifying positions
(:mod:`hemicycle.attitudes.spatial_identification`): posterior modes, variances of all priors by empirical Bayes, and
posterior standard deviations by Laplace's approximation, of users given actors and of actors given users.

For roll calls give ``against``: cells in neither matrix (absences, abstentions) then say nothing, instead of "no".
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtri

from hemicycle.attitudes.spatial_identification import State, identify, rotated, start
from hemicycle.attitudes.spatial_posterior import Cells, log_posterior, place, sweep
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems

Floats = NDArray[np.float64]
_ITERATIONS = 12
_WIDEST = 3.0
_PLACING = 6


class IdealPointOptions(Options):
    """How ideal points are fitted."""

    sweeps: int = Field(200, ge=1)
    """Most sweeps over all cells."""
    tolerance: float = Field(1e-3, gt=0)
    """Sweeps end when positions move by less (root mean square; users have standard deviation 1)."""
    pilot: int = Field(10_000, ge=100)
    """With more users, actors are placed by so many of them first; all users follow from there."""
    device: str = "cpu"
    """Where blocks of cells are computed."""


@dataclass(frozen=True)
class Progress:
    """Where a fit stands, told after every sweep.

    Args:
        sweep: number of the sweep.
        change: root mean square move of users' positions.
        users: how many users take part: fewer in the pilot.
    """

    sweep: int
    change: float
    users: int


@dataclass(frozen=True, eq=False)
class IdealPoints:
    """Posterior modes and standard deviations.

    Args:
        rows: theta, mean 0 and variance 1 (uncertainty counted), shape (n, d); dimensions in the order in which
            actors spread along them.
        columns: phi in the same space, shape (m, d).
        row_sds: of theta, shape (n, d).
        column_sds: of phi, shape (m, d).
        activity: beta, shape (n,).
        popularity: alpha, shape (m,).
        gamma: weight of the squared distance. It and the scale and place of phi hang on the priors of alpha and beta
            alone, unlike 2 gamma phi (up to a shift) and theta.
        log_posterior: at the mode, of (b, theta) and (a, f) given hyperparameters.
        sweeps: over all users.
        converged: False when sweeps ended before positions stood still.
    """

    rows: Floats
    columns: Floats
    row_sds: Floats
    column_sds: Floats
    activity: Floats
    popularity: Floats
    gamma: float
    log_posterior: float
    sweeps: int
    converged: bool

    def row_intervals(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Return lower and upper ends of the users' positions, each (n, d)."""
        reach = float(ndtri((1 + level) / 2)) * self.row_sds
        return self.rows - reach, self.rows + reach


def fit(  # noqa: PLR0913 - what is observed, how, and who listens
    matrix: sp.csr_array,
    dims: int,
    rng: np.random.Generator,
    *,
    against: sp.csr_array | None = None,
    reference: NDArray[np.floating] | None = None,
    options: IdealPointOptions | None = None,
    report: Callable[[Progress], None] | None = None,
) -> IdealPoints:
    """Fit ideal points.

    Args:
        matrix: users x actors (or members x roll calls), stored entries are y = 1; shape (n, m).
        dims: dimensions of the space.
        rng: start of the decomposition from which sweeps begin, and the pilot's users.
        against: for votes, entries that are y = 0; what is in neither is missing. None: all other cells are y = 0.
        reference: positions known of some users, NaN of the others, shape (n,) or (n, d): each dimension is turned so
            that it correlates positively. Without one, the actor farthest out on a dimension is at its positive end.
        options: how.
        report: told of every sweep.

    Raises:
        InputError: shapes or values do not fit, users or actors have no entry, or there are too many dimensions.
    """
    options = options or IdealPointOptions()
    cells = _cells(matrix, against, options.device)
    raise_problems(_problems(cells, dims))
    signs = _reference(reference, cells.shape[0], dims)
    run = _Run(cells, options, report or (lambda _: None))
    state, sweeps, converged = run.fit(dims, rng)
    state = rotated(state, _axes(state, signs))
    return _result(cells, state, sweeps, converged)


@dataclass(frozen=True)
class _Run:
    cells: Cells
    options: IdealPointOptions
    report: Callable[[Progress], None]

    def fit(self, dims: int, rng: np.random.Generator) -> tuple[State, int, bool]:
        if self.cells.shape[0] <= 2 * self.options.pilot:
            return self._sweeps(start(*_decomposed(self.cells, dims, rng)))
        chosen = np.sort(rng.choice(self.cells.shape[0], self.options.pilot, replace=False))
        part = self.cells.select(chosen)
        state, _, _ = _Run(part, self.options, self.report).fit(dims, rng)
        none = torch.zeros(1, 1 + dims, 1 + dims, dtype=torch.float64)
        rows = torch.zeros(self.cells.shape[0], 1 + dims, dtype=torch.float64)
        rows[torch.from_numpy(chosen)] = state.rows
        rows = place(self.cells, rows, state.columns, state.priors[0], _PLACING)
        return self._sweeps(State(rows, state.columns, state.gamma, state.priors, none, none))

    def _sweeps(self, state: State) -> tuple[State, int, bool]:
        for number in range(1, self.options.sweeps + 1):
            rows, row_covariances, columns, column_covariances = sweep(
                self.cells, state.rows, state.columns, state.priors
            )
            moved = identify(State(rows, columns, state.gamma, state.priors, row_covariances, column_covariances))
            change = float((moved.rows[:, 1:] - state.rows[:, 1:]).square().mean().sqrt())
            state = moved
            self.report(Progress(number, change, self.cells.shape[0]))
            if change < self.options.tolerance:
                return state, number, True
        return state, self.options.sweeps, False


# -- start -----------------------------------------------------------------------------------------------------------


def _decomposed(cells: Cells, dims: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows and columns from the leading singular vectors of what degrees do not explain."""
    sparse, minus, scale = _centred(cells)
    right = rng.standard_normal((cells.shape[1], dims + 8))
    for _ in range(_ITERATIONS):
        left = np.linalg.qr(sparse @ right - minus[0][:, None] * (minus[1] @ right))[0]
        right = np.linalg.qr(sparse.T @ left - minus[1][:, None] * (minus[0] @ left))[0]
    left, _, turn = np.linalg.svd(sparse @ right - minus[0][:, None] * (minus[1] @ right), full_matrices=False)
    theta, phi = _standard(left[:, :dims] / scale[0]), _standard((right @ turn.T)[:, :dims] / scale[1])
    seen = cells.shape[0] if cells.seen is None else cells.seen.sum(0)
    share = (cells.yes.sum(0) + 0.5) / (seen + 1.0)
    rows = np.concatenate([np.zeros((len(theta), 1)), theta], 1)
    return torch.from_numpy(rows), torch.from_numpy(np.concatenate([np.log(share / (1 - share))[:, None], phi], 1))


def _centred(cells: Cells) -> tuple[sp.csr_array, tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Return S and (u, v) of the matrix S - u v', and by what rows and columns of its singular vectors are divided.

    For follows, standardised residuals of independence, as in correspondence analysis; for votes, yea and nay as +1
    and -1 less the roll call's mean.
    """
    n, m = cells.shape
    if cells.seen is None:
        by_row, by_column = (np.sqrt(np.maximum(cells.yes.sum(axis), 1.0)) for axis in (1, 0))
        scaled = sp.diags_array(1 / by_row) @ cells.yes @ sp.diags_array(1 / by_column)
        total = np.sqrt(cells.yes.nnz)
        return scaled.tocsr(), (by_row / total, by_column / total), (by_row[:, None], by_column[:, None])
    signs = (2 * cells.yes - cells.seen).tocsr()
    means = signs.sum(0) / np.maximum(cells.seen.sum(0), 1)
    none = (np.zeros(n), np.zeros(m))
    return (signs - cells.seen @ sp.diags_array(means)).tocsr(), none, (np.ones((n, 1)), np.ones((m, 1)))


def _standard(points: Floats) -> Floats:
    spread = np.maximum(points.std(0), 1e-12)
    return np.asarray(np.clip((points - points.mean(0)) / spread, -_WIDEST, _WIDEST))


# -- end -------------------------------------------------------------------------------------------------------------


def _axes(state: State, reference: Floats | None) -> torch.Tensor:
    """Return the rotation to the axes along which actors spread most, each turned as the reference says."""
    f = state.columns[:, 1:]
    _, vectors = torch.linalg.eigh((f - f.mean(0)).T @ (f - f.mean(0)))
    axes = vectors.flip(1)
    along = (f @ axes).numpy()
    signs = np.sign(along[np.abs(along).argmax(0), np.arange(along.shape[1])])
    if reference is not None:
        theta = (state.rows[:, 1:] @ axes).numpy()
        signs = np.array([_agreement(column, known) for column, known in zip(theta.T, reference.T, strict=True)])
    turned: torch.Tensor = axes * torch.from_numpy(np.where(signs < 0, -1.0, 1.0))
    return turned


def _agreement(positions: Floats, known: Floats) -> float:
    there = np.isfinite(known)
    return float(((positions[there] - positions[there].mean()) * (known[there] - known[there].mean())).sum())


def _result(cells: Cells, state: State, sweeps: int, converged: bool) -> IdealPoints:
    wide = 2 * state.gamma
    sds = [
        covariances.diagonal(dim1=1, dim2=2)[:, 1:].sqrt().numpy()
        for covariances in (state.row_covariances, state.column_covariances)
    ]
    rows, columns = state.rows.numpy(), state.columns.numpy()
    return IdealPoints(
        rows=rows[:, 1:],
        columns=columns[:, 1:] / wide,
        row_sds=sds[0],
        column_sds=sds[1] / wide,
        activity=rows[:, 0] + state.gamma * np.square(rows[:, 1:]).sum(1),
        popularity=columns[:, 0] + np.square(columns[:, 1:]).sum(1) / (4 * state.gamma),
        gamma=state.gamma,
        log_posterior=log_posterior(cells, state.rows, state.columns, state.priors),
        sweeps=sweeps,
        converged=converged,
    )


# -- input -----------------------------------------------------------------------------------------------------------


def _cells(matrix: sp.csr_array, against: sp.csr_array | None, device: str) -> Cells:
    yes = _binary(matrix, "matrix")
    if against is None:
        return Cells(yes, None, device)
    no = _binary(against, "against")
    if no.shape != yes.shape:
        raise InputError(
            f"against has the shape {no.shape}, the matrix {yes.shape}", "against", "same rows and columns"
        )
    seen = (yes + no).tocsr()
    if (seen.data > 1).any():
        raise InputError(f"{int((seen.data > 1).sum())} cells are both for and against", "against", "keep one of them")
    return Cells(yes, seen, device)


def _binary(matrix: sp.csr_array, where: str) -> sp.csr_array:
    found = sp.csr_array(matrix, dtype=np.float64, copy=True)
    if found.ndim != 2 or not np.isfinite(found.data).all() or (found.data < 0).any():
        raise InputError("entries are NaN, infinite or negative", where, "an edge or a vote is 1, none is 0")
    found.sum_duplicates()
    found.eliminate_zeros()
    found.data[:] = 1.0
    return found


def _problems(cells: Cells, dims: int) -> list[Problem]:
    n, m = cells.shape
    most = min(n, m) - 1
    if dims < 1 or dims > most:
        return [Problem(f"{dims} dimensions of {n} users x {m} actors", "dims", f"between 1 and {most}")]
    seen = cells.yes if cells.seen is None else cells.seen
    empty = {"users": int((seen.sum(1) == 0).sum()), "actors": int((seen.sum(0) == 0).sum())}
    remedy = "leave them out: nothing places them"
    return [Problem(f"{count} {what} have no entry", "matrix", remedy) for what, count in empty.items() if count]


def _reference(reference: NDArray[np.floating] | None, n: int, dims: int) -> Floats | None:
    if reference is None:
        return None
    known = np.asarray(reference, np.float64)
    known = np.repeat(known[:, None], dims, 1) if known.ndim == 1 else known
    if known.shape != (n, dims):
        what = f"the reference has the shape {np.shape(reference)}"
        raise InputError(what, "reference", f"one number a user ({n}), or one for each of {dims} dimensions")
    for column in known.T:
        there = column[np.isfinite(column)]
        if len(there) < 2 or np.ptp(there) == 0:
            what = f"the reference knows {len(there)} users, all in one place"
            raise InputError(what, "reference", "give at least two users who differ")
    return known
