"""One replication of a known agenda: truth, estimate and interval of every parameter, estimator by estimator.

All functions return the columns parameter, truth, estimate, ci_low, ci_high.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from hemicycle.agenda.hawkes.hawkes import HawkesOptions, hawkes
from hemicycle.agenda.label_means import less_label_means
from hemicycle.agenda.responses.bootstrap import replications
from hemicycle.agenda.responses.impulse import per_unit
from hemicycle.agenda.responses.intervals import interval
from hemicycle.agenda.responses.panel_var import PanelVar
from hemicycle.agenda.responses.responses import Fitted, VarOptions, fitted
from hemicycle.agenda.simulated.capacity import shares
from hemicycle.agenda.simulated.influence import AgendaSimulation, coefficients
from hemicycle.agenda.simulated.mediation_weight import WeightOptions, mediation_weight
from hemicycle.agenda.simulated.posting import simulate_posts
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.seeding import key_of, keyed_normal

Floats = NDArray[np.float64]
Place = tuple[int, ...]


def _table(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["parameter", "truth", "estimate", "ci_low", "ci_high"])


def _named(shape: Place, groups: tuple[str, ...]) -> Iterator[tuple[Place, tuple[int, str, str]]]:
    """Yield places of an array [lag or day, follower, leader] with what they are called."""
    for at in np.ndindex(*shape):
        yield at, (at[0], groups[at[1]], groups[at[2]])


# -- panel VAR -------------------------------------------------------------------------------------------------------


def fitted_var(simulation: AgendaSimulation, key: int, horizon: int = 1, bootstrap: int = 0) -> Fitted:
    """Simulate an agenda and fit a panel vector autoregression with its lags.

    Args:
        simulation: the agenda.
        key: of all that is random.
        horizon: last day of responses.
        bootstrap: replications that will be asked for.
    """
    attention, lags = simulate_agenda(simulation, key), simulation.lags
    points = 50 * float(np.nanmin(np.nanmean(attention.shares, axis=(0, 1))))  # any rise does: they are told per unit
    return fitted(
        attention, VarOptions(lags=lags, most_lags=lags, horizon=horizon, replications=bootstrap, points=points)
    )


def of_coefficients(simulation: AgendaSimulation, key: int, confidence: float) -> pd.DataFrame:
    """Lag coefficients, with the standard errors of least squares.

    Args:
        simulation: the agenda.
        key: of all that is random.
        confidence: level of the normal intervals.
    """
    found = fitted_var(simulation, key)
    half = stats.norm.ppf((1 + confidence) / 2) * standard_errors(found.var)
    truth, value = coefficients(simulation), found.var.coefficients
    rows: list[tuple[object, ...]] = [
        (f"{leader} -> {follower}, lag {lag + 1}", truth[at], value[at], value[at] - half[at], value[at] + half[at])
        for at, (lag, follower, leader) in _named(value.shape, simulation.groups)
    ]
    return _table(rows)


def standard_errors(var: PanelVar) -> Floats:
    """Return standard errors of lag coefficients for independent errors, shape (lags, groups, groups)."""
    panel = var.panel
    lagged = panel.windows()[:, 1:].reshape(len(panel.rows), -1)
    within = less_label_means(lagged, panel.effect[panel.rows], panel.n_effects)
    spread = np.diag(np.linalg.inv(within.T @ within))
    variances = np.outer(spread, np.diag(var.covariance)).reshape(panel.lags, panel.n_groups, panel.n_groups)
    return np.asarray(np.sqrt(variances.transpose(0, 2, 1)))


def of_responses(
    simulation: AgendaSimulation, key: int, confidence: float, days: tuple[int, ...], bootstrap: int
) -> pd.DataFrame:
    """Responses to a rise of a group's log odds by one, orthogonalised in the order of the groups.

    Args:
        simulation: the agenda.
        key: of all that is random.
        confidence: level of the percentile intervals.
        days: whose responses are told.
        bootstrap: replications.
    """
    found = fitted_var(simulation, key, max(days, default=1), bootstrap)
    drawn = replications(found.var, "residual", key, 0, bootstrap)
    own = per_unit(found.deviation(found.var.coefficients, found.var.covariance))
    band = interval(own, per_unit(found.deviation(drawn.coefficients, drawn.covariance)), confidence)
    truth = per_unit(found.deviation(coefficients(simulation), noise_covariance(simulation)))
    rows: list[tuple[object, ...]] = [
        (f"{impulse} -> {response}, day {day}", truth[at], own[at], band.low[at], band.high[at])
        for at, (day, response, impulse) in _named(own.shape, simulation.groups)
        if day in days
    ]
    return _table(rows)


def noise_covariance(simulation: AgendaSimulation) -> Floats:
    """Return the covariance of the noise between groups."""
    n = len(simulation.groups)
    return np.asarray(simulation.noise**2 * ((1 - simulation.shared) * np.eye(n) + simulation.shared))


# -- Hawkes ----------------------------------------------------------------------------------------------------------


def of_hawkes(simulation: AgendaSimulation, key: int, options: HawkesOptions) -> pd.DataFrame:
    """Branching between groups, from the posts on the first topic.

    Args:
        simulation: the agenda of posts.
        key: of all that is random.
        options: of the fit.
    """
    table = hawkes(simulate_posts(simulation, key)[0], options)["agenda_hawkes"]
    truth, place = coefficients(simulation)[0], {name: g for g, name in enumerate(simulation.groups)}
    pairs = list(zip(table["source"], table["target"], strict=True))
    return table.rename(columns={"branching": "estimate"})[["estimate", "ci_low", "ci_high"]].assign(
        parameter=[f"{source} -> {target}, branching" for source, target in pairs],
        truth=[float(truth[place[target], place[source]]) for source, target in pairs],
    )


# -- mediation -------------------------------------------------------------------------------------------------------


def drawn_exposure(simulation: AgendaSimulation, persistence: float, key: int) -> Floats:
    """Draw what groups might be shown, less equal shares, shape (days, groups, topics); topics sum to 0.

    Log shares follow a first-order autoregression around equal shares, with a standard deviation of one.

    Args:
        simulation: groups, topics and days.
        persistence: how much of a day's deviation is left on the next.
        key: of the draws.
    """
    groups, topics = len(simulation.groups), len(simulation.topic_names)
    noise = keyed_normal(key, np.arange(simulation.days), np.arange(groups * topics)).astype(np.float64)
    x = noise.reshape(-1, groups, topics)
    for day in range(1, simulation.days):
        x[day] = persistence * x[day - 1] + np.sqrt(1 - persistence**2) * x[day]
    return shares(x) - 1 / topics


def of_mediation(
    simulation: AgendaSimulation, key: int, confidence: float, weight: float, persistence: float
) -> pd.DataFrame:
    """The weight of drawn exposures, on the same agenda with limited capacity.

    Args:
        simulation: the agenda.
        key: of all that is random.
        confidence: level of the t intervals.
        weight: that is planted.
        persistence: of the exposures.
    """
    agenda = simulation.replace(model="capacity", share=None)
    shown = drawn_exposure(agenda, persistence, key_of("drawn exposure", key))
    attention = simulate_agenda(agenda, key, weight * shown)
    table = mediation_weight(attention, shown, WeightOptions(lags=agenda.lags, confidence=confidence))
    return table.assign(parameter="weight, " + table["group"], truth=weight)
