"""Tidy tables of a study's analyses of attention, gathered from their finished steps."""

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from hemicycle.agenda.leads.network import adjusted
from hemicycle.agenda.simulated.discoveries import false_discoveries
from hemicycle.agenda.simulated.mediation_tables import mediation_effects
from hemicycle.agenda.simulated.power import needed, power
from hemicycle.core.records import member_of
from hemicycle.core.storage import Folder
from hemicycle.studies.agenda_work import ALL, TABLES
from hemicycle.studies.engine import Outcome

KINDS = (
    *("attention", "agenda_var", "agenda_leads", "agenda_shocks", "agenda_hawkes"),
    *("agenda_recovery", "agenda_discoveries", "agenda_power", "agenda_mediation"),
)
"""Kinds of steps whose tables are gathered."""
LEADS = ("agenda_leads", "agenda_net_leads")
"""Tables of tests of every pair of groups."""


def agenda_tables(outcome: Outcome, store: Folder) -> dict[str, pd.DataFrame]:
    """Return every table of the analyses; all begin with the column ``agenda``.

    Returns:
        What the functions of :mod:`hemicycle.agenda` return, behind the columns agenda, issue and, of autoregressions,
        mode (its name in the configuration), or model (a record's name); ``agenda_attention`` (issue, group, time,
        share, step: hour, day or week); and summaries of simulated agendas: ``agenda_power``, ``agenda_power_needed``,
        ``agenda_false_discoveries``, ``agenda_mediation_effects`` (model: a member, its seeds together).
    """
    frames: dict[str, list[pd.DataFrame]] = {}
    for kind in KINDS:
        for step in sorted(outcome.finished(kind), key=lambda step: (step.title, step.fingerprint)):
            folder = step.folder(store)
            for name in folder.read_json(TABLES):
                frames.setdefault(name, []).append(folder.read_table(name).to_pandas())
    tables = {name: _joined(parts) for name, parts in sorted(frames.items())}
    found = {
        name: adjusted_over_issues(tables[name]) for name in ("agenda_leads", "agenda_net_leads") if name in tables
    }
    return tables | found | _summaries(tables)


def adjusted_over_issues(table: pd.DataFrame) -> pd.DataFrame:
    """Return leads with false discoveries controlled over all pairs and all issues of an analysis together.

    All topics taken together are a family by themselves: they are no further issue.
    """
    if table.empty:
        return table
    together = np.where(table["issue"] == ALL, ALL, "issues")
    family = ("agenda", "together", "measure")
    parts = table.assign(together=together).groupby("level")
    found = [adjusted(rows, rows["level"].iloc[0], family) for _, rows in parts]
    return pd.concat(found).sort_index().drop(columns="together")


def _joined(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=pd.Index([], dtype=object))


def _summaries(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Shares and means over replications, one analysis at a time."""
    trials, found, mediated = (
        tables.get(name, pd.DataFrame()) for name in ("agenda_power_trials", "agenda_discoveries", "agenda_mediation")
    )
    made = {
        "agenda_power": _each(trials, ["agenda"], power),
        "agenda_power_needed": _each(trials, ["agenda"], _needed),
        "agenda_false_discoveries": _each(
            found, ["agenda"], lambda rows: false_discoveries(rows, rows["level"].iloc[0])
        ),
        "agenda_mediation_effects": _each(_members(mediated), ["agenda", "model"], _effects),
    }
    return {name: table for name, table in made.items() if len(table)}


def _needed(trials: pd.DataFrame) -> pd.DataFrame:
    """The smallest designs that reach the power that was wanted."""
    return needed(power(trials), trials["target"].iloc[0], trials["level"].iloc[0])


def _members(mediated: pd.DataFrame) -> pd.DataFrame:
    """Mediated agendas by member of the population, its seeds together."""
    return mediated if mediated.empty else mediated.assign(model=mediated["model"].map(member_of))


def _effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Differences from the arm without a recommender, where there is one."""
    return mediation_effects(rows) if "none" in set(rows["arm"]) else pd.DataFrame()


def _each(table: pd.DataFrame, by: list[str], summary: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """Summaries of the parts of a table, behind the columns that tell them apart."""
    if table.empty:
        return table
    parts = []
    for names, rows in table.groupby(by, sort=False):
        found = summary(rows)
        about = dict(zip(by, map(str, names), strict=True))
        parts.append(found.assign(**about)[[*by, *found.columns]])
    return _joined(parts)
