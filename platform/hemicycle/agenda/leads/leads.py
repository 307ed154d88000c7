"""Who leads whom on an issue: every ordered pair of groups, by several measures, with false discoveries controlled."""

from itertools import combinations

import numpy as np
import pandas as pd
import threadpoolctl

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.leads import shifts
from hemicycle.agenda.leads.cross_correlation import Shifted, cross_correlations
from hemicycle.agenda.leads.data import LeadData, lead_data
from hemicycle.agenda.leads.measures import MEASURES
from hemicycle.agenda.leads.network import leadership, net_leads, pairs
from hemicycle.agenda.leads.options import LeadOptions


def leads(attention: Attention, options: LeadOptions, key: int) -> dict[str, pd.DataFrame]:
    """Measure who leads whom.

    Args:
        attention: of an issue's topics.
        options: measures and how they are tested.
        key: of all random numbers.

    Returns:
        ``agenda_leads``: measure, from, to, lag (delay at the peak, or number of lags), value, ci_low, ci_high,
        p_value, p_bh (over the ordered pairs of a measure), edge (p_bh within the level), control;
        ``agenda_net_leads``: measure, from, to, net (value of from -> to less that of to -> from; of cross-correlations
        and symbols' transfer entropies the sums over delays, of r^2 and in nats), ci_low, ci_high, p_value, p_bh, edge;
        ``agenda_network``: measure, group, net (mean net lead over the other groups), ci_low, ci_high;
        with cross-correlation also ``agenda_correlations``: from, to, lag (days by which ``to`` comes later, negative:
        earlier), value, high (what the largest size over the delays in both directions stays below, by chance, with the
        confidence).

    Raises:
        InputError: fewer than 2 groups, a constant group, or too few days or topics for lags, clusters or shifts.
    """
    data = lead_data(attention, options, key)
    level, confidence, groups = options.level, options.confidence, attention.groups
    with threadpoolctl.threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the number of threads
        found = [MEASURES[name](data) for name in dict.fromkeys(options.measures)]
    tables = {
        "agenda_leads": [pairs(each, groups, level, confidence) for each in found],
        "agenda_net_leads": [net_leads(each, groups, level, confidence) for each in found],
        "agenda_network": [leadership(each, groups, confidence) for each in found],
    }
    joined = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    if "cross-correlation" in options.measures:
        joined["agenda_correlations"] = correlations(data)
    return joined


def check_leads(attention: Attention, options: LeadOptions) -> None:
    """Refuse, before anything is drawn, what :func:`leads` would refuse.

    Raises:
        InputError: as :func:`leads`.
    """
    data = lead_data(attention, options, 0)
    assert data.clusters.number, "clusters are made or refused"
    assert len(data.panel.rows), "lags are taken or refused"


def correlations(data: LeadData) -> pd.DataFrame:
    """Return the cross-correlations of innovations at all lags, with the largest size that chance would give.

    Returns:
        Columns from, to, lag, value, high; one row a pair of groups and lag.
    """
    lags = np.arange(-data.options.reach, data.options.reach + 1)
    values = cross_correlations(data.whitened, lags)
    shifted = shifts.surrogates(Shifted(data.whitened), data.shape, data.options, data.key)
    largest = shifted.max(1)  # of b after a; what is looked at has delays in both directions
    high = np.quantile(np.maximum(largest, largest.swapaxes(1, 2)), data.options.confidence, axis=0)
    rows = [
        {"from": data.groups[a], "to": data.groups[b], "lag": lags, "value": values[:, a, b], "high": high[a, b]}
        for a, b in combinations(range(len(high)), 2)
    ]
    return pd.concat([pd.DataFrame(row) for row in rows], ignore_index=True)
