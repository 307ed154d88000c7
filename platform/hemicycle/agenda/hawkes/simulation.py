"""Exact simulation of Hawkes processes through their clusters.

Exogenous events come at the rate of the baseline; every event of source j then has Poisson(A_ij) children of target
i, each after a delay of its kernel's distribution, and these have children in turn (Hawkes and Oakes 1974). One
generation is drawn at a time, so that a million events take about a second whatever the kernel.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hemicycle.agenda.hawkes.baseline import Baseline, sampled
from hemicycle.agenda.hawkes.events_file import Events
from hemicycle.agenda.hawkes.kernels import Exponential, Exponentials, KernelOptions, PowerLaw
from hemicycle.core.errors import InputError

Floats = NDArray[np.float64]
_MOST_EVENTS = 50_000_000


@dataclass(frozen=True, eq=False)
class HawkesTruth:
    """A Hawkes process.

    Args:
        baseline: rate of exogenous events, shape (n_sources,) or (n_sources, n_pieces).
        branching: A[i, j], mean number of direct children of target i that an event of source j has; shape
            (n_sources, n_sources), or (n_exponentials, n_sources, n_sources) for a sum of exponentials.
        kernel: distribution of the delay of a child.
        profile: how the baseline varies over time.
        exogenous: positions of sources that nobody influences: their rows of ``branching`` must be 0.
    """

    baseline: Floats
    branching: Floats
    kernel: KernelOptions
    profile: Baseline = field(default_factory=Baseline)
    exogenous: tuple[int, ...] = ()

    @property
    def total(self) -> Floats:
        """Branching matrix summed over the exponentials, shape (n_sources, n_sources)."""
        return np.asarray(self.branching if self.branching.ndim == 2 else self.branching.sum(0))


def branching_ratio(branching: Floats) -> float:
    """Spectral radius of a branching matrix; the process is stable below 1."""
    return float(np.abs(np.linalg.eigvals(branching)).max())


def simulate_hawkes(
    truth: HawkesTruth, horizon: float, rng: np.random.Generator, names: tuple[str, ...] = ()
) -> Events:
    """Simulate from an empty past on (0, horizon].

    Args:
        truth: the process.
        horizon: end of the observation, in units of time.
        rng: e.g. ``core.seeding.rng("hawkes", seed)``.
        names: of the sources; default s0, s1 ...

    Raises:
        InputError: shapes that do not fit, negative values, a branching ratio of 1 or more, or too many events.
    """
    check_stable(truth)
    _check_size(truth, horizon)
    times, marks = _immigrants(truth, horizon, rng)
    generations = [(times, marks)]
    while len(times):
        times, marks = _children(truth, (times, marks), horizon, rng)
        generations.append((times, marks))
    return _sorted(generations, horizon, truth, names)


def check_stable(truth: HawkesTruth) -> None:
    """Raise an InputError for a process that cannot be simulated: shapes, signs, exogenous rows, radius."""
    total, n = truth.total, len(truth.baseline)
    if total.shape != (n, n):
        what = f"the branching matrix has shape {truth.branching.shape} for {n} baselines"
        raise InputError(what, "branching", f"give ({n}, {n})")
    if (truth.branching < 0).any() or (truth.baseline < 0).any() or not np.isfinite(total).all():
        raise InputError("branching and baseline hold negative or infinite values", remedy="give numbers from 0 on")
    if total[list(truth.exogenous)].any():
        raise InputError("an exogenous source is influenced", "branching", "set its row to 0")
    radius = branching_ratio(total)
    if radius >= 1:
        what = f"the branching ratio (spectral radius) is {radius:.3f}: events would multiply without end"
        raise InputError(what, "branching", f"multiply the matrix by {0.9 / radius:.2f}, which makes the ratio .9")


def expected_rates(truth: HawkesTruth) -> Floats:
    """Mean rates (I - A)^-1 mu in the long run, shape (n_sources,)."""
    baseline = truth.baseline if truth.baseline.ndim == 1 else truth.baseline.mean(1)
    return np.asarray(np.linalg.solve(np.eye(len(baseline)) - truth.total, baseline))


def _check_size(truth: HawkesTruth, horizon: float) -> None:
    expected = float(expected_rates(truth).sum()) * horizon
    if not 0 < expected <= _MOST_EVENTS:
        what = f"{expected:.3g} events are expected"
        raise InputError(what, remedy=f"choose rates and a horizon that give between 1 and {_MOST_EVENTS:,}")


def _immigrants(truth: HawkesTruth, horizon: float, rng: np.random.Generator) -> tuple[Floats, NDArray[np.int64]]:
    baseline = truth.baseline[:, None] if truth.baseline.ndim == 1 else truth.baseline
    drawn = [sampled(truth.profile, rates, horizon, rng) for rates in baseline]
    marks = np.repeat(np.arange(len(drawn)), [len(times) for times in drawn])
    return np.concatenate(drawn), marks


def _children(
    truth: HawkesTruth, parents: tuple[Floats, NDArray[np.int64]], horizon: float, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int64]]:
    """Draw the next generation: numbers, targets and exponentials, delays."""
    times, marks = parents
    parts = truth.branching.reshape(-1, *truth.total.shape)
    means = parts.sum((0, 1))
    number = rng.poisson(means[marks])
    parent = np.repeat(np.arange(len(times)), number)
    kind = _kinds(parts, marks[parent], rng)
    component, target = np.divmod(kind, len(means))
    born = times[parent] + _delays(truth.kernel, (target, marks[parent], component), rng)
    seen = born <= horizon
    return born[seen], target[seen]


def _kinds(parts: Floats, sources: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw which (exponential, target) each child of a source is: position in the flattened first two axes."""
    uniform = rng.random(len(sources))
    kinds = np.zeros(len(sources), np.int64)
    for source in range(parts.shape[2]):
        rows = np.flatnonzero(sources == source)
        if rows.size:
            steps = np.cumsum(parts[:, :, source].ravel())
            kinds[rows] = np.searchsorted(steps / steps[-1], uniform[rows], "right")
    return kinds


def _delays(
    kernel: KernelOptions,
    child: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    rng: np.random.Generator,
) -> Floats:
    """Draw delays by inversion of the kernel's distribution function."""
    target, source, component = child
    exponential = rng.standard_exponential(len(target))
    match kernel:
        case Exponential():
            rates = kernel.rates(int(max(target.max(initial=0), source.max(initial=0))) + 1)
            chosen = rates[0, 0] if rates.size == 1 else rates[np.minimum(target, len(rates) - 1), source]
            return np.asarray(exponential / chosen)
        case Exponentials():
            return np.asarray(exponential / np.array(kernel.decays)[component])
        case PowerLaw():
            return np.asarray(kernel.offset * np.expm1(exponential / kernel.exponent))


def _sorted(
    generations: list[tuple[Floats, NDArray[np.int64]]], horizon: float, truth: HawkesTruth, names: tuple[str, ...]
) -> Events:
    times, marks = (np.concatenate(part) for part in zip(*generations, strict=True))
    order = np.argsort(times, kind="stable")
    times, marks = times[order], marks[order]
    names = names or tuple(f"s{k}" for k in range(len(truth.baseline)))
    fresh = np.append(True, np.diff(times) > 0)
    return Events(times[fresh], marks[fresh], names, horizon, exogenous=tuple(names[k] for k in truth.exogenous))
