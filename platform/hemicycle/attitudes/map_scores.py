"""How well maps from party points to survey scales hold: held-out scores, their intervals and permuted controls."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.attitudes.leave_out import (
    Candidate,
    Linear,
    Points,
    choose,
    fit,
    held_out_errors,
    nested_predictions,
    r_squared,
)
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

Array = NDArray[np.float64]
_MOST_DIMS = 10
_SCORE_DRAWS = 1000
_EDGES = (2.5, 97.5)


class MapOptions(Options):
    """How maps are fitted and scored."""

    dims: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Numbers of dimensions to choose from; none: 1 to 10, and at most a third of the parties."""
    ridges: tuple[Annotated[float, Field(gt=0)], ...] = tuple(10.0 ** (step / 2) for step in range(-8, 3))
    """Ridges to choose from, in units of a dimension's variance."""
    choice: Literal["one standard error", "least error"] = "one standard error"
    """Fewest dimensions within one standard error of the least error, or the least error itself."""
    weights: Literal["equal", "actors"] = "equal"
    """What a party counts in the fit: as much as every other, or as many actors as it has."""
    min_actors: int = Field(2, ge=1)
    """Parties with fewer actors are dropped."""
    leave_out: Literal["party", "country"] = "party"
    """What is held out together."""
    permutations: int = Field(20, ge=20)
    """Controls: the same with the parties' positions permuted."""
    bootstraps: int = Field(200, ge=50)
    """Maps refitted on resampled parties, for the intervals of users."""
    experts: float = Field(1.0, ge=1)
    """Experts a party where the survey does not say; 1: the sd between experts is taken for the error of their mean."""
    seed: int = 0
    """Of permutations and resampling."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What maps are fitted to: m attitudes that the same n parties have.

    Args:
        points: the parties, and what is held out together.
        means: positions, shape (n, m).
        errors: standard errors of the positions, shape (n, m); 0 where not known.
    """

    points: Points
    means: Array
    errors: Array

    def drawn(self, random: np.random.Generator) -> Array:
        """Return positions that the survey might have found instead, shape (n, m)."""
        return self.means + self.errors * random.standard_normal(self.means.shape)


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of m attitudes.

    Args:
        chosen: dimensions and ridge of each.
        in_sample: R2 of the fit to all parties, shape (m,).
        plain: R2 of held-out parties with dimensions and ridge chosen by these very errors, shape (m,).
        nested: R2 of parties that were held out of that choice, too, shape (m,).
        interval: 95 % interval of ``nested`` over resampled parties, shape (2, m).
        survey: 95 % range of ``plain`` over resampled survey means, shape (2, m); NaN where sds are not known.
        permuted: nested R2 of permuted positions, shape (permutations, m).
    """

    chosen: list[Candidate]
    in_sample: Array
    plain: Array
    nested: Array
    interval: Array
    survey: Array
    permuted: Array


def candidates_of(options: MapOptions, n_parties: int, n_dims: int) -> list[Candidate]:
    """Return what is chosen from, in order of dimensions.

    Raises:
        InputError: a number of dimensions is not below the number of parties, or above what there is.
    """
    dims = sorted(set(options.dims)) or list(range(1, max(1, min(_MOST_DIMS, n_dims, (n_parties - 1) // 3)) + 1))
    most = min(n_dims, n_parties - 3)
    if not 1 <= dims[0] <= dims[-1] <= most:
        what = f"{dims[-1] if dims[-1] > most else dims[0]} dimensions for {n_parties} parties and {n_dims} coordinates"
        why = "as many dimensions as parties always fit and predict nothing"
        raise InputError(what, "dims", f"ask for 1 to {most}: {why}")
    return [Candidate(number, ridge) for number in dims for ridge in sorted(options.ridges)]


def score(survey: Survey, candidates: list[Candidate], options: MapOptions) -> Scores:
    """Choose dimensions and ridge of each attitude, and score them and their controls."""
    points, values, sparing = survey.points, survey.means, options.choice == "one standard error"
    m, random = values.shape[1], rng("map controls", options.seed)
    orders = [random.permutation(len(values)) for _ in range(options.permutations)]
    every = np.hstack([values, *(values[order] for order in orders)])
    predicted = nested_predictions(points, every, candidates, sparing=sparing)
    nested = r_squared(every, predicted).reshape(-1, m)
    chosen = [candidates[index] for index in choose(points, values, candidates, sparing=sparing)]
    held_out = np.column_stack([_held_out(survey, values[:, [j]], chosen[j]) for j in range(m)])
    fits = [fit(points, values[:, [j]], chosen[j]).predict(points.coordinates) for j in range(m)]
    return Scores(
        chosen,
        r_squared(values, np.hstack(fits)),
        r_squared(values, held_out),
        nested[0],
        _interval(survey, predicted[:, :m], rng("map interval", options.seed)),
        _survey_range(survey, chosen, options),
        nested[1:],
    )


def resampled(survey: Survey, chosen: list[Candidate], options: MapOptions) -> list[list[Linear]]:
    """Refit each attitude's map on resampled parties (or countries) with resampled survey means.

    Returns:
        For each attitude one map a draw.
    """
    random = rng("map bootstrap", options.seed)
    found: list[list[Linear]] = [[] for _ in chosen]
    for counts in _counts(survey.points, options.bootstraps, random):
        values = survey.drawn(random)
        drawn = Points(survey.points.coordinates, survey.points.weights * counts)
        for j, candidate in enumerate(chosen):
            found[j].append(fit(drawn, values[:, [j]], candidate))
    return found


def _held_out(survey: Survey, values: Array, candidate: Candidate) -> Array:
    """Predictions of held-out parties with dimensions and ridge as they are."""
    return values - next(held_out_errors(survey.points, values, [candidate]))


def _counts(points: Points, draws: int, random: np.random.Generator) -> Iterator[Array]:
    """Yield how often each party is drawn when parties, or what is held out together, are resampled."""
    folds = points.folds
    fold = np.empty(len(points.weights), np.int64)
    for number, rows in enumerate(folds):
        fold[rows] = number
    chances = np.full(len(folds), 1 / len(folds))
    for _ in range(draws):
        counts = random.multinomial(len(folds), chances)[fold].astype(np.float64)
        if (counts > 0).sum() > 1:
            yield counts


def _interval(survey: Survey, predicted: Array, random: np.random.Generator) -> Array:
    counts = np.array(list(_counts(survey.points, _SCORE_DRAWS, random)))
    values, total = survey.means, counts.sum(axis=1, keepdims=True)
    spread = counts @ np.square(values) - np.square(counts @ values) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = 1 - counts @ np.square(values - predicted) / spread
    return np.percentile(np.where(spread > 0, draws, np.nan), _EDGES, axis=0)


def _survey_range(survey: Survey, chosen: list[Candidate], options: MapOptions) -> Array:
    random, out = rng("survey means", options.seed), np.full((2, len(chosen)), np.nan)
    draws = np.stack([survey.drawn(random) for _ in range(options.bootstraps)], axis=2)
    for j, candidate in enumerate(chosen):
        if survey.errors[:, j].any():
            scores = r_squared(draws[:, j], _held_out(survey, draws[:, j], candidate))
            out[:, j] = np.percentile(scores, _EDGES)
    return out
