"""Maximum likelihood of Hawkes processes by Newton steps, one pass over the events a step.

For known kernels the likelihood is concave and falls apart by target: a few steps of Newton's with theta >= 0. Shape
parameters psi (logarithms of decays, or of a power law's offset and exponent) move along by Fisher's scoring, bordered
by the blocks of theta.
"""

from dataclasses import dataclass, field, fields, replace

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.features import Design
from hemicycle.agenda.hawkes.kernels import Kernel, KernelOptions, kernel_of, with_parameters
from hemicycle.agenda.hawkes.likelihood import Sums, sums
from hemicycle.agenda.hawkes.nonnegative import largest

Floats = NDArray[np.float64]
_STEPS = 60
_GAIN = 1e-3  # of the log-likelihood that the next step promises: 1e-3 is a twentieth of a standard error
_LONGEST = 1.0  # step of the logarithm of a shape parameter


@dataclass(frozen=True, eq=False)
class Fit:
    """Estimates and their covariance.

    Args:
        theta: baseline and branching of each target, shape (n_targets, p).
        kernel: with its estimated shape.
        value: log-likelihood of each target, shape (n_targets,).
        covariance: of theta where the shape is known (or each target's own), shape (n_targets, p, p).
        drift: derivative of theta to the shared shape parameters, shape (n_targets, p, q).
        shape_covariance: of the logarithms of the shape parameters, shape (q, q); for pairs (n_targets, q, q).
        steps: passes over the events.
        converged: whether another step would gain nothing that matters.
        unbounded: log-likelihood of each target if coefficients could be negative, to second order; empty: not asked.
    """

    theta: Floats
    kernel: KernelOptions
    value: Floats
    covariance: Floats
    drift: Floats
    shape_covariance: Floats
    steps: int
    converged: bool = True
    unbounded: Floats = field(default_factory=lambda: np.zeros(0))


def climbed(design: Design, options: KernelOptions, theta: Floats) -> Fit:
    """Newton steps, halved where the likelihood falls, until the next promises nothing.

    Args:
        design: events, baseline and window.
        options: the kernel to start from.
        theta: to start from, shape (n_targets, p).
    """
    place = Place.of(design, options, theta)
    move = _Move.of(place)
    steps = 1
    while move.promise.max() >= _GAIN and steps < _STEPS:
        tried = place.moved(design, move)
        worse = _worse(tried.sums.value, place.sums.value, place.sums.shape_score.shape[1] > 0)
        place = tried if not worse.any() else place if worse.all() else _mixed(place, tried, worse)
        move = move.shorter() if worse.all() else _Move.of(place).where(worse, move.shorter())
        steps += 1
    converged = bool(move.promise.max() < _GAIN)
    last = replace(place, theta=place.theta + move.theta, options=place.shaped(move)) if converged else place
    return replace(finished(last, steps), converged=converged)


def _worse(tried: Floats, before: Floats, coupled: bool) -> NDArray[np.bool_]:
    """Whose likelihood fell; all or none where shape parameters move along."""
    if coupled:
        return np.full(len(tried), not tried.sum() >= before.sum() - 1e-6)
    return np.asarray(~(tried >= before - 1e-6))


@dataclass(frozen=True, eq=False)
class Place:
    """Parameters and the sums there."""

    theta: Floats
    options: KernelOptions
    kernel: Kernel
    sums: Sums
    targets: NDArray[np.int64]

    @classmethod
    def of(cls, design: Design, options: KernelOptions, theta: Floats) -> "Place":
        """Sum at these parameters."""
        kernel = kernel_of(options, design.events.n_sources, design.events.horizon - design.events.start)
        return cls(theta, options, kernel, sums(design, kernel, theta), design.events.targets)

    @property
    def pairs(self) -> bool:
        """Whether every target has shape parameters of its own."""
        return self.kernel.own and len(self.kernel.rates) > 1

    @property
    def parameters(self) -> Floats:
        """Shape parameters, shape (q,) shared, (n_targets, q) for pairs."""
        return self.kernel.parameters[self.targets] if self.pairs else self.kernel.parameters.ravel()

    def moved(self, design: Design, move: "_Move") -> "Place":
        """Sums at the end of a move."""
        return Place.of(design, self.shaped(move), self.theta + move.theta)

    def shaped(self, move: "_Move") -> KernelOptions:
        """Kernel at the end of a move."""
        if not move.shape.size:
            return self.options
        parameters = self.kernel.parameters.copy()
        rows = self.targets if self.pairs else slice(None)
        parameters[rows] += move.shape.reshape(parameters[rows].shape)
        return with_parameters(self.options, parameters)


@dataclass(frozen=True, eq=False)
class _Move:
    """A step, and what it promises for each target's log-likelihood."""

    theta: Floats
    shape: Floats
    promise: Floats

    @classmethod
    def of(cls, place: Place) -> "_Move":
        shape = _shape_step(place)
        each = np.broadcast_to(shape, place.sums.shape_score.shape)
        theta = np.empty_like(place.theta)
        for i in range(len(theta)):
            linear = place.sums.score[i] - place.sums.cross[i] @ each[i]
            theta[i] = largest(place.sums.gram[i], linear, place.theta[i]) - place.theta[i]
        promise = (place.sums.score * theta).sum(1) + (place.sums.shape_score * each).sum(1)
        return cls(theta, shape, np.full(len(promise), promise.sum()) if shape.size else promise)

    def shorter(self) -> "_Move":
        """Half the step."""
        return _Move(self.theta / 2, self.shape / 2, self.promise / 2)

    def where(self, mask: NDArray[np.bool_], other: "_Move") -> "_Move":
        """Another move for some targets; shape parameters stay this one's."""
        theta = np.where(mask[:, None], other.theta, self.theta)
        return _Move(theta, self.shape, np.where(mask, other.promise, self.promise))


def _shape_step(place: Place) -> Floats:
    """Step of psi with theta's free coordinates eliminated: shape (q,) shared, (n_targets, q) for pairs."""
    score, gram = _reduced(place.sums, _loose(place))
    if not score.shape[1]:
        return np.zeros(0)
    if not place.pairs:
        score, gram = score.sum(0), gram.sum(0)
    lowest, highest = (limit - place.parameters for limit in place.kernel.limits)
    stuck = ((highest < 1e-9) & (score > 0)) | ((lowest > -1e-9) & (score < 0))
    step = _solved(np.where(stuck[..., None] | stuck[..., None, :], 0.0, gram), np.where(stuck, 0.0, score))
    return np.asarray(np.clip(np.clip(step, -_LONGEST, _LONGEST), lowest, highest))


def _solved(gram: Floats, score: Floats) -> Floats:
    """Newton step; a pair without influence has no decay, and stays."""
    ridge = 1e-9 * np.trace(gram, axis1=-2, axis2=-1)[..., None, None] + 1e-6
    return np.asarray(np.linalg.solve(gram + ridge * np.eye(gram.shape[-1]), score[..., None])[..., 0])


def _loose(place: Place) -> NDArray[np.bool_]:
    """Coordinates of theta off their bound of 0, or pulled away from it."""
    return np.asarray((place.theta > 0) | (place.sums.score > 0))


def _reduced(total: Sums, loose: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Score and information of psi after theta's free coordinates are eliminated, a target a row."""
    score, gram = total.shape_score.copy(), total.shape_gram.copy()
    if score.shape[1]:
        for i, mine in enumerate(loose):
            cross = total.cross[i][mine]
            solved = inverse(total.gram[i][np.ix_(mine, mine)]) @ np.column_stack([total.score[i][mine], cross])
            score[i] -= cross.T @ solved[:, 0]
            gram[i] -= cross.T @ solved[:, 1:]
    return score, gram


def _mixed(place: Place, tried: Place, worse: NDArray[np.bool_]) -> Place:
    """Targets whose likelihood fell as they were, the others at the new place."""

    def pick(old: Floats, new: Floats) -> Floats:
        return np.asarray(np.where(worse.reshape(-1, *[1] * (old.ndim - 1)), old, new))

    chosen = Sums(*(pick(getattr(place.sums, f.name), getattr(tried.sums, f.name)) for f in fields(Sums)))
    return replace(place, theta=pick(place.theta, tried.theta), sums=chosen)


def inverse(gram: Floats) -> Floats:
    """Inverse of information, after scaling its diagonal to 1; directions without information get 0.

    Args:
        gram: shape (p, p), which is that of the result.
    """
    scale = np.sqrt(np.diag(gram))
    scale = np.where(scale > 0, scale, 1.0)
    return np.asarray(
        np.linalg.pinv(gram / np.outer(scale, scale), rcond=1e-12, hermitian=True) / np.outer(scale, scale)
    )


def finished(place: Place, steps: int) -> Fit:
    """Invert the information at a place."""
    total = place.sums
    covariance = np.stack([inverse(gram) for gram in total.gram])
    loose = _loose(place)
    drift = np.zeros_like(total.cross)
    for i, mine in enumerate(loose):
        drift[i][mine] = -inverse(total.gram[i][np.ix_(mine, mine)]) @ total.cross[i][mine]
    gram = _reduced(total, loose)[1]
    shape = np.stack([inverse(each) for each in gram]) if place.pairs else inverse(gram.sum(0))
    unbounded = total.value + 0.5 * np.einsum("ip,ipq,iq->i", total.score, covariance, total.score)
    return Fit(place.theta, place.options, total.value, covariance, drift, shape, steps, unbounded=unbounded)
