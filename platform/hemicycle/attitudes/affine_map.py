"""From latent dimensions to the scales of a survey: an affine map fitted on parties, scored on parties left out.

A party's point is the mean of its actors' coordinates. Each attitude has a ridge map from the first k dimensions; k and
ridge are chosen by leaving one party out, and the reported score leaves a party out of that choice as well. A map of as
many dimensions as parties always fits in sample and predicts nothing, so it is refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.attitudes.leave_out import Linear, Points, fit
from hemicycle.attitudes.map_scores import MapOptions, Scores, Survey, candidates_of, resampled, score
from hemicycle.attitudes.parties import PartyPositions
from hemicycle.core.errors import Problem, raise_problems

Array = NDArray[np.float64]
MAP_COLUMNS = (
    *("attitude", "dims", "ridge", "n_parties", "r2_in_sample", "r2_loo", "r2_nested", "ci_low", "ci_high"),
    *("survey_low", "survey_high", "control", "control_mean", "control_low", "control_high", "left_out"),
    *("scale_low", "scale_high", "source"),
)
"""Columns of the table of map results."""
_FEWEST_PARTIES = 6
_EDGES = (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class PartyPoints:
    """Parties in latent space.

    Args:
        rows: their rows in the party positions, shape (q,).
        coordinates: means of their actors, shape (q, k).
        actors: how many, shape (q,).
        notes: who was dropped.
    """

    rows: NDArray[np.int64]
    coordinates: Array
    actors: NDArray[np.int64]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AffineMap:
    """Maps of all attitudes.

    Args:
        attitudes: names, shape (a,).
        intercepts: shape (a,).
        slopes: shape (a, k), 0 beyond an attitude's dimensions.
        covariances: of intercept and slopes over refits on resampled parties and survey means, shape (a, 1 + k, 1 + k).
        results: one row an attitude, with the columns ``MAP_COLUMNS``.
        notes: what was dropped.
    """

    attitudes: tuple[str, ...]
    intercepts: Array
    slopes: Array
    covariances: Array
    results: pd.DataFrame
    notes: tuple[str, ...] = ()

    def predict(self, coordinates: Array) -> Array:
        """Return the attitudes at these coordinates, shape (n, a)."""
        return self.intercepts + coordinates @ self.slopes.T

    def errors(self, coordinates: Array) -> Array:
        """Standard error of each prediction, shape (n, a): of the map alone, not of a user's own position."""
        columns = []
        for covariance in self.covariances:
            # sqrt(x' C x) with x = (1, coordinates), by the root of C: no array of more than (n, 1 + k)
            values, axes = np.linalg.eigh(covariance)
            root = axes * np.sqrt(np.maximum(values, 0))
            columns.append(np.sqrt(np.square(root[0] + coordinates @ root[1:]).sum(axis=1)))
        return np.column_stack(columns)


def party_points(coordinates: Array, parties: NDArray[np.int64], min_actors: int = 1) -> PartyPoints:
    """Average the coordinates of each party's actors.

    Args:
        coordinates: of actors, shape (m, k); rows with NaN do not count.
        parties: row of each actor's party, shape (m,); -1: none.
        min_actors: parties with fewer are dropped.
    """
    known = (parties >= 0) & np.isfinite(coordinates).all(axis=1)
    every, codes, counts = np.unique(parties[known], return_inverse=True, return_counts=True)
    sums = np.zeros((len(every), coordinates.shape[1]))
    np.add.at(sums, codes, coordinates[known])
    kept = counts >= min_actors
    note = f"{int((~kept).sum())} parties with fewer than {min_actors} actors dropped"
    points = (sums / counts[:, None])[kept]
    return PartyPoints(every[kept], points, counts[kept], () if kept.all() else (note,))


def fit_map(points: PartyPoints, positions: PartyPositions, options: MapOptions) -> AffineMap:
    """Fit and score the maps of all attitudes.

    A party without a position on an attitude does not count for that one.

    Raises:
        InputError: fewer than 6 parties, a constant attitude, or as many dimensions as parties.
    """
    chosen = positions.rows(points.rows)
    raise_problems(_problems(chosen))
    width = points.coordinates.shape[1]
    every: dict[int, _Fitted] = {}
    for attitudes, known in _patterns(chosen.means):
        survey = _survey(points, chosen, options, (attitudes, known))
        candidates = candidates_of(options, int(known.sum()), width)
        scores = score(survey, candidates, options)
        maps = resampled(survey, scores.chosen, options)
        for j, attitude in enumerate(attitudes):
            model = fit(survey.points, survey.means[:, [j]], scores.chosen[j])
            row = _row(chosen, int(attitude), scores, j) | {
                "n_parties": int(known.sum()),
                "left_out": options.leave_out,
            }
            every[int(attitude)] = _Fitted(_flat(model, width), _covariance(maps[j], width), row)
    fitted = [every[j] for j in range(len(chosen.attitudes))]
    return AffineMap(
        chosen.attitudes,
        np.array([each.coefficients[0] for each in fitted]),
        np.array([each.coefficients[1:] for each in fitted]),
        np.array([each.covariance for each in fitted]),
        pd.DataFrame([each.row for each in fitted], columns=list(MAP_COLUMNS)),
        points.notes,
    )


@dataclass(frozen=True, eq=False)
class _Fitted:
    """One attitude: intercept and slopes (1 + k,), their covariance, and its row of the table."""

    coefficients: Array
    covariance: Array
    row: dict[str, Any]


def _patterns(means: Array) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Yield sets of attitudes with positions of the same parties, and which parties these are."""
    known = np.isfinite(means)
    patterns, codes = np.unique(known, axis=1, return_inverse=True)
    for code in range(patterns.shape[1]):
        yield np.flatnonzero(codes.ravel() == code), patterns[:, code]


def _survey(
    points: PartyPoints, chosen: PartyPositions, options: MapOptions, part: tuple[NDArray[np.int64], NDArray[np.bool_]]
) -> Survey:
    attitudes, known = part
    weights = points.actors.astype(np.float64) if options.weights == "actors" else np.ones(len(points.rows))
    groups = np.unique(chosen.countries, return_inverse=True)[1] if options.leave_out == "country" else None
    at = np.ix_(known, attitudes)
    every = Points(points.coordinates, weights, groups)
    return Survey(every.rows(known), chosen.means[at], chosen.errors(options.experts)[at])


def _row(chosen: PartyPositions, attitude: int, scores: Scores, j: int) -> dict[str, Any]:
    name = chosen.attitudes[attitude]
    low, high = chosen.scales.get(name, (np.nan, np.nan))
    control = np.percentile(scores.permuted[:, j], _EDGES)
    return {
        "attitude": name,
        "dims": scores.chosen[j].dims,
        "ridge": scores.chosen[j].ridge,
        "r2_in_sample": scores.in_sample[j],
        "r2_loo": scores.plain[j],
        "r2_nested": scores.nested[j],
        "ci_low": scores.interval[0, j],
        "ci_high": scores.interval[1, j],
        "survey_low": scores.survey[0, j],
        "survey_high": scores.survey[1, j],
        "control": "permuted parties",
        "control_mean": scores.permuted[:, j].mean(),
        "control_low": control[0],
        "control_high": control[1],
        "scale_low": low,
        "scale_high": high,
        "source": chosen.source,
    }


def _flat(model: Linear, width: int) -> Array:
    """Intercept and slopes of a single map, with 0 for the dimensions that it leaves out, shape (1 + width,)."""
    out = np.zeros(1 + width)
    out[0] = model.intercepts[0]
    out[1 : 1 + model.slopes.shape[1]] = model.slopes[0]
    return out


def _covariance(models: list[Linear], width: int) -> Array:
    return np.cov(np.array([_flat(model, width) for model in models]), rowvar=False)


def _problems(chosen: PartyPositions) -> Iterator[Problem]:
    where = chosen.source or "party positions"
    if len(chosen) < _FEWEST_PARTIES:
        what = f"{len(chosen)} parties have enough actors and a position; at least {_FEWEST_PARTIES} are needed"
        yield Problem(what, where, "lower min_actors, or match more parties")
        return
    for j, name in enumerate(chosen.attitudes):
        values = chosen.means[:, j]
        values = values[np.isfinite(values)]
        if len(values) < _FEWEST_PARTIES:
            yield Problem(
                f"{name} is known of {len(values)} parties, fewer than {_FEWEST_PARTIES}", where, "leave it out"
            )
        elif np.ptp(values) == 0:
            yield Problem(f"{name} is the same for all parties", where, "leave it out")
