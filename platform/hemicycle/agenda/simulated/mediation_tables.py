"""Tables of mediated agendas: what arms show, the weight recovered, and who seems to follow whom."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from hemicycle.agenda.simulated.arms import Arm
from hemicycle.agenda.simulated.concentration import agenda_measures
from hemicycle.agenda.simulated.influence import AgendaSimulation, coefficients
from hemicycle.agenda.simulated.mediated import (
    Mediated,
    MediationOptions,
    arm_exposure,
    checked,
    closed_arms,
    open_arm,
    weights,
)
from hemicycle.agenda.simulated.mediation_weight import ALL, WeightOptions, influence_given, mediation_weight
from hemicycle.agenda.simulated.newsfeed import Newsfeed
from hemicycle.core.errors import InputError
from hemicycle.exposure.mediator import Mediator

Tables = dict[str, pd.DataFrame]
Truth = Mapping[tuple[object, ...], float]


def mediation_tables(
    options: AgendaSimulation,
    feed: Newsfeed,
    mediator: Mediator,
    mediation: MediationOptions,
    replications: range,
) -> Tables:
    """Simulate all arms for several seeds and describe them; a table of several tasks is the tables of each, joined.

    Returns:
        ``agenda_mediation``: replication, arm, measure, a, b, value (:func:`agenda_measures`); ``agenda_exposure``:
        replication, arm, group, topic, value (mean over days of the share shown less the baseline);
        ``agenda_mediation_weight``: replication, arm, group, truth, estimate, se, ci_low, ci_high, p_value, covered,
        rows, days; ``agenda_mediation_influence``: replication, arm, given (``exposure`` or ``nothing``), from, to,
        lag, truth, estimate, se, ci_low, ci_high, p_value, covered.

    Raises:
        InputError: see :func:`mediated_agenda`.
    """
    options = checked(options, feed, mediator, mediation)
    shown = {} if mediation.loop else arm_exposure(options, feed, mediator, mediation)
    tables: dict[str, list[pd.DataFrame]] = {}
    for replication in replications:
        arms = {arm: open_arm(options, mediation, seen, replication) for arm, seen in shown.items()}
        if mediation.loop:
            arms = closed_arms(options, feed, mediator, mediation, replication)
        for arm, made in arms.items():
            for name, table in _described(options, mediation, arm, made).items():
                tables.setdefault(name, []).append(_headed(table, replication=replication, arm=arm))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _described(options: AgendaSimulation, mediation: MediationOptions, arm: Arm, made: Mediated) -> Tables:
    estimate = mediation.estimate or WeightOptions(lags=options.lags)
    tables = {"agenda_mediation": agenda_measures(made.attention), "agenda_exposure": _shown(options, made)}
    given = {"nothing": None} if arm == "none" else {"nothing": None, "exposure": made.shown}
    found = [_headed(influence_given(made.attention, shown, estimate), given=name) for name, shown in given.items()]
    tables["agenda_mediation_influence"] = _judged(pd.concat(found, ignore_index=True), _influence(options))
    if arm != "none" and made.shown.any():
        table = mediation_weight(made.attention, made.shown, estimate)
        tables["agenda_mediation_weight"] = _judged(table, _weights(options, mediation, table["group"].tolist()))
    return tables


def _shown(options: AgendaSimulation, made: Mediated) -> pd.DataFrame:
    """Mean over days of what groups are shown of each topic beyond the baseline."""
    mean = made.shown.mean(axis=0)
    rows = zip(product(options.groups, options.topic_names), mean.ravel().tolist(), strict=True)
    return pd.DataFrame([(*names, value) for names, value in rows], columns=["group", "topic", "value"])


def _influence(options: AgendaSimulation) -> Truth:
    lags, names = coefficients(options), options.groups
    return {
        (leader, follower, lag + 1): float(lags[lag, g, h])
        for lag in range(len(lags))
        for g, follower in enumerate(names)
        for h, leader in enumerate(names)
    }


def _weights(options: AgendaSimulation, mediation: MediationOptions, seen: list[str]) -> Truth:
    known = dict(zip(options.groups, weights(options, mediation).tolist(), strict=True))
    same = {known[group] for group in seen if group != ALL}
    return {(group,): weight for group, weight in known.items()} | {(ALL,): same.pop() if len(same) == 1 else np.nan}


def _judged(table: pd.DataFrame, truth: Truth) -> pd.DataFrame:
    """Add the truth and whether the interval covers it; a coefficient that is not in the truth is 0."""
    names = [name for name in ("group", "from", "to", "lag") if name in table]
    known = np.array([truth.get(tuple(row), 0.0) for row in table[names].itertuples(index=False)])
    covered = (table["ci_low"] <= known) & (known <= table["ci_high"])
    place = table.columns.get_loc("estimate")
    assert isinstance(place, int)
    table.insert(place, "truth", known)
    table["covered"] = covered.astype("boolean").mask(np.isnan(known))
    return table


def _headed(table: pd.DataFrame, **values: str | int) -> pd.DataFrame:
    """Put columns of one value before all others."""
    for place, (name, value) in enumerate(values.items()):
        table.insert(place, name, value)
    return table


def mediation_effects(table: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Compare arms with ``none``, replication by replication.

    Args:
        table: ``agenda_mediation`` of at least two replications; several rows of one arm, replication and measure, of
            models that differ in their seed, count as their mean, and replications that some of them lack as none.
        confidence: level of the t intervals over replications.

    Returns:
        ``agenda_mediation_effects``: arm, measure, a, b, mean, difference, ci_low, ci_high, replications; first of
        ``ALL`` groups, or pairs of groups, together: differences are taken group by group and averaged.

    Raises:
        InputError: there is no arm ``none``.
    """
    one, keys = ["arm", "measure", "a", "b"], ["replication", "measure", "a", "b"]
    found = table.groupby(["arm", *keys], sort=False)["value"].agg(["mean", "size"]).reset_index()
    whole = found["size"] == found.groupby(one)["size"].transform("max")
    values = found[whole].rename(columns={"mean": "value"}).drop(columns="size")
    control = values.loc[values["arm"] == "none", [*keys, "value"]]
    if control.empty:
        raise InputError("a table without the arm none", remedy="add none to the arms")
    paired = values[values["arm"] != "none"].merge(control, on=keys, suffixes=("", " of none")).dropna()
    paired = paired.assign(gain=paired["value"] - paired["value of none"])
    together = paired.groupby(["arm", "replication", "measure"], sort=False)[["value", "gain"]].mean().reset_index()
    rows = []
    for part in (together.assign(a=ALL, b=""), paired):
        for names, own in part.groupby(one, sort=False):
            gain, n = own["gain"], len(own)
            mean = float(gain.mean())
            half = stats.t.ppf((1 + confidence) / 2, n - 1) * stats.sem(gain) if n > 1 else np.nan
            rows.append((*names, float(own["value"].mean()), mean, mean - half, mean + half, n))
    return pd.DataFrame(rows, columns=[*one, "mean", "difference", "ci_low", "ci_high", "replications"])
