"""False discoveries among who leads whom where it is known: an agenda with planted leaders, over replications.

Shares counted from few posts make false leaders: what a test holds constant is a noisy picture of what others attended
to, so that another follower of the same leader tells what this picture left out. In the default agenda (a topic has
some 2 % of the posts) 1000 posts a day make more than half of the discoveries of one lag false, 10 000 none beyond the
level; with 7 lags 1000 posts do little harm. ``simulation.posts`` shows it for posts as many as those of one's data.
"""

import numpy as np
import pandas as pd
import threadpoolctl
from numpy.typing import NDArray
from pydantic import Field
from scipy import stats

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.leads.leads import leads
from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.agenda.simulated.influence import AgendaSimulation
from hemicycle.agenda.simulated.recovery import planted_leader, wilson
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.config import Options
from hemicycle.core.seeding import key_of

GRANGER = LeadOptions(measures=("granger",), lags=1, block=7, replications=0)
"""Granger causality of one lag without intervals, which is what tests need."""


class DiscoveryOptions(Options):
    """An agenda with planted leaders and how they are looked for."""

    simulation: AgendaSimulation = Field(default_factory=planted_leader)
    """The agenda; its edges are the truth."""
    leads: LeadOptions = GRANGER
    """Measures and the false-discovery rate at which edges are kept."""
    seed: int = 0
    """Key of all that is random."""


def discoveries(options: DiscoveryOptions, first: int, last: int) -> pd.DataFrame:
    """Look for leaders in the replications ``first`` to ``last`` - 1.

    Returns:
        ``agenda_discoveries``: replication, measure, discoveries, false, planted, found, share_false (0 without
        discoveries).

    Raises:
        InputError: the agenda is too short for the lags.
    """
    with threadpoolctl.threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the number of threads
        tables = [_replication(options, number) for number in range(first, last)]
    return pd.concat(tables, ignore_index=True)


def _replication(options: DiscoveryOptions, number: int) -> pd.DataFrame:
    key = key_of("agenda discoveries", options.seed, number)
    found = lead_tests(simulate_agenda(options.simulation, key), options.leads, key)
    planted = {(edge.leader, edge.follower) for edge in options.simulation.edges}
    true = np.array([pair in planted for pair in zip(found["from"], found["to"], strict=True)])
    rows = [
        _counts(measure, part["p_bh"].to_numpy() <= options.leads.level, true[part.index])
        for measure, part in found.groupby("measure", sort=False)
    ]
    return pd.DataFrame(rows).assign(replication=number)


def lead_tests(attention: Attention, options: LeadOptions, key: int) -> pd.DataFrame:
    """Return measure, from, to, p_value and p_bh of every ordered pair.

    Args:
        attention: of all groups.
        options: measures and how they are tested.
        key: of all random numbers.
    """
    return leads(attention, options, key)["agenda_leads"][["measure", "from", "to", "p_value", "p_bh"]]


def _counts(measure: object, kept: NDArray[np.bool_], true: NDArray[np.bool_]) -> dict[str, object]:
    false = int((kept & ~true).sum())
    return {
        "measure": measure,
        "discoveries": int(kept.sum()),
        "false": false,
        "planted": int(true.sum()),
        "found": int((kept & true).sum()),
        "share_false": false / max(1, int(kept.sum())),
    }


def false_discoveries(table: pd.DataFrame, level: float) -> pd.DataFrame:
    """Summarise ``agenda_discoveries``.

    The false-discovery rate is the mean share of false ones among discoveries (Benjamini and Hochberg 1995, *J. Royal
    Statistical Society B* 57), with a normal interval over replications.

    Returns:
        ``agenda_false_discoveries``: measure, level, rate, ci_low, ci_high, found (share of planted edges), low, high
        (Wilson), replications.
    """
    rows = []
    for measure, part in table.groupby("measure", sort=False):
        shares, planted, found = part["share_false"], int(part["planted"].sum()), int(part["found"].sum())
        half = 1.96 * float(stats.sem(shares)) if len(part) > 1 else float("nan")
        rate = float(shares.mean())
        power = (found / planted if planted else float("nan"), *wilson(found, planted))
        rows.append((measure, level, rate, rate - half, rate + half, *power, len(part)))
    names = ["measure", "level", "rate", "ci_low", "ci_high", "found", "low", "high", "replications"]
    return pd.DataFrame(rows, columns=names)
