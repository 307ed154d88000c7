"""Proposals: the next generation of a search, a pure function of what is known of the generations before.

Optuna's samplers are seeded by the generation and see a study that is rebuilt from the trials each time, so that no
state has to outlive a process.
"""

import itertools
from collections.abc import Sequence
from functools import partial

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import FrozenTrial, TrialState
from optuna.trial import Trial as OptunaTrial
from scipy.stats import qmc

from hemicycle.core.seeding import key_of, rng
from hemicycle.search.config import BRANCH, Dimension, Params, SearchConfig, Value
from hemicycle.search.dimensions import at, distribution, nearest, suggest
from hemicycle.search.grid import cells
from hemicycle.search.optuna_study import Flatten, directions, flattened, frozen, quiet
from hemicycle.search.space import Pick, Space
from hemicycle.search.trials import Proposal, Trial

_GENES = "genes"
_GENERATION = "NSGAIISampler:generation"
_LIAR = "tpe:relative_params:0"
_POPULATION = 16


def propose(
    config: SearchConfig, space: Space, history: Sequence[Trial], running: Sequence[Proposal] = ()
) -> list[Proposal]:
    """Return the next generation.

    Starting points come first; what they leave out is sampled. ``random`` and ``qmc`` (scrambled Sobol points; Owen,
    J. Complexity 1998) do not look at the trials before; ``grid`` goes through all combinations in a shuffled order;
    ``tpe`` is the multivariate tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011) with constant liar;
    ``nsga2`` (Deb et al., IEEE TEVC 2002) breeds the values of all dimensions, also of those that do not exist in a
    trial, so that every gene can be inherited. Its parents are the best of all trials so far, as many as a generation
    has, or 16 where trials come one by one.

    Args:
        config: the search.
        space: its space.
        history: all trials so far that ended, in the order of their numbers.
        running: trials that have not ended, if the search does not wait for them; ``tpe`` keeps away from them.

    Returns:
        At most ``config.generation`` proposals; none when all ``config.trials`` were proposed or a grid is exhausted.
    """
    first = len(history) + len(running)
    numbers = range(first, min(first + config.generation, config.trials))
    if not numbers:
        return []
    if config.algorithm == "grid":
        return _from_grid(config, space, numbers)
    if config.algorithm in {"random", "qmc"}:
        return [
            _placed(config, space, n, point) for n, point in zip(numbers, _cube(config, space, numbers), strict=True)
        ]
    return _learnt(config, space, (history, running), numbers)


def decide(trial: OptunaTrial, space: Space) -> tuple[str, Params]:
    """Let an Optuna trial choose a branch and the values of the dimensions that exist (define by run)."""
    return space.walk(partial(suggest, trial))


def sampler(config: SearchConfig, seed: int) -> BaseSampler:
    """Return Optuna's sampler of a search by ``tpe`` or ``nsga2``, or a random one."""
    with quiet():
        if config.algorithm == "nsga2":
            return NSGAIISampler(population_size=_population(config), seed=seed)
        if config.algorithm == "tpe":
            return TPESampler(n_startup_trials=config.startup, multivariate=True, group=True, seed=seed)
    return optuna.samplers.RandomSampler(seed=seed)


# -- points that depend on their number alone --------------------------------------------------------------------------


def _cube(config: SearchConfig, space: Space, numbers: range) -> NDArray[np.float64]:
    """Points of the unit cube that has one axis for each dimension of every branch, shape (numbers, axes)."""
    axes = max(1, len(space.labelled()))
    if config.algorithm == "random":
        return np.stack([rng("search", "random", config.seed, number).random(axes) for number in numbers])
    sobol = qmc.Sobol(axes, scramble=True, rng=key_of("search", "qmc", config.seed))
    points: NDArray[np.float64] = sobol.random_base2((numbers.stop - 1).bit_length())
    return points[numbers.start : numbers.stop]


def _placed(config: SearchConfig, space: Space, number: int, point: NDArray[np.float64]) -> Proposal:
    coordinates = dict(zip(space.labelled(), point.tolist(), strict=False))
    pick = _from_start(config, space, number, lambda label, dimension: at(dimension, coordinates[label]))
    return Proposal(number, *space.walk(pick))


def _from_grid(config: SearchConfig, space: Space, numbers: range) -> list[Proposal]:
    """Take starting points, then the grid in its shuffled order, without what was a starting point."""
    grid = [(branch, cell) for branch in space.branches for cell in cells(space.dimensions(branch))]
    order = [grid[i] for i in rng("search", "grid", config.seed).permutation(len(grid))]
    starts = [_started_on_grid(config, space, number, order) for number in range(len(config.start))]
    every = itertools.chain(starts, (cell for cell in order if cell not in starts))
    chosen = itertools.islice(every, numbers.start, numbers.stop)
    return [Proposal(number, *cell) for number, cell in zip(numbers, chosen, strict=False)]


def _started_on_grid(
    config: SearchConfig, space: Space, number: int, order: list[tuple[str, Params]]
) -> tuple[str, Params]:
    """The first point of the grid that agrees with a starting point."""
    point = _start(config, space, number)
    return next(cell for cell in order if point.items() <= space.flat(*cell).items())


# -- points that are learnt from the trials before ---------------------------------------------------------------------


def _learnt(
    config: SearchConfig, space: Space, known: tuple[Sequence[Trial], Sequence[Proposal]], numbers: range
) -> list[Proposal]:
    history, running = known
    generation = 1 + max((trial.generation for trial in history), default=-1)
    with quiet():
        seed = key_of("search", config.seed, generation, numbers.start) & 0xFFFFFFFF
        study = optuna.create_study(directions=directions(config), sampler=sampler(config, seed))
        told = _told(config, space, history)
        study.add_trials([*told, *_pending(flattened(space), running)])
        breeds = int(_has_parents(config, told))
        for number in numbers:
            attributes = {"fixed_params": _start(config, space, number), _GENERATION: breeds}
            study.add_trial(optuna.trial.create_trial(state=TrialState.WAITING, system_attrs=attributes))
        ask = _bred if config.algorithm == "nsga2" else _estimated
        return [ask(study, space, number) for number in numbers]


def _population(config: SearchConfig) -> int:
    return config.generation if config.generation > 1 else _POPULATION


def _has_parents(config: SearchConfig, told: Sequence[FrozenTrial]) -> bool:
    """Tell whether NSGA-II can breed; Optuna would wait for a generation without failures, and cannot cross one."""
    return len(told) >= _population(config) and sum(trial.state == TrialState.COMPLETE for trial in told) > 1


def _told(config: SearchConfig, space: Space, history: Sequence[Trial]) -> list[FrozenTrial]:
    flatten = _genes(space) if config.algorithm == "nsga2" else flattened(space)
    return [frozen(config, trial, flatten, system_attrs={_GENERATION: 0}) for trial in history]


def _pending(flatten: Flatten, running: Sequence[Proposal]) -> list[FrozenTrial]:
    views = map(flatten, running)
    return [optuna.trial.create_trial(state=TrialState.RUNNING, params=p, distributions=d) for p, d in views]


def _genes(space: Space) -> Flatten:
    """How proposals look to NSGA-II: with the values of all dimensions."""
    known = {label: distribution(dimension) for label, dimension in space.labelled().items()}

    def flatten(proposal: Proposal) -> tuple[Params, dict[str, BaseDistribution]]:
        genes = dict(proposal.memory.get(_GENES) or space.flat(proposal.branch, proposal.params))
        return genes, {label: known[label] for label in genes}

    return flatten


def _estimated(study: optuna.Study, space: Space, number: int) -> Proposal:
    trial = study.ask()
    proposal = Proposal(number, *decide(trial, space))
    # The liar would count what was drawn for dimensions that this trial does not have, e.g. of other branches.
    study._storage.set_trial_system_attr(trial._trial_id, _LIAR, "")  # noqa: SLF001 - there is no public way
    return proposal


def _bred(study: optuna.Study, space: Space, number: int) -> Proposal:
    trial = study.ask()
    genes = {label: suggest(trial, label, dimension) for label, dimension in space.labelled().items()}
    branch, params = space.walk(lambda label, _: genes[label])
    return Proposal(number, branch, params, {_GENES: genes})


# -- starting points ---------------------------------------------------------------------------------------------------


def _start(config: SearchConfig, space: Space, number: int) -> Params:
    """Values that a trial has to start from, by their labels; none after the last starting point."""
    if number >= len(config.start):
        return {}
    point = {key: value for key, value in config.start[number].items() if key != BRANCH}
    branch = str(config.start[number].get(BRANCH, next(iter(space.branches))))
    dimensions = space.dimensions(branch)
    return space.flat(branch, {key: nearest(dimensions[key], value) for key, value in point.items()})


def _from_start(config: SearchConfig, space: Space, number: int, otherwise: Pick) -> Pick:
    fixed = _start(config, space, number)

    def pick(label: str, dimension: Dimension) -> Value:
        return fixed[label] if label in fixed else otherwise(label, dimension)

    return pick
