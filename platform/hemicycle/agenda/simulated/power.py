"""How many days and topics are needed to see who leads: shares of replications in which a planted leader is detected.

Replication number r uses the same noise in every cell of the design, so that the cells' shares differ by days, topics
and effect and less by chance; a shorter agenda is the beginning of a longer one.
"""

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple, Self

import pandas as pd
import threadpoolctl
from pydantic import Field, model_validator

from hemicycle.agenda.leads.clusters import clusters
from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.agenda.simulated.discoveries import GRANGER, lead_tests
from hemicycle.agenda.simulated.influence import AgendaSimulation, Influence
from hemicycle.agenda.simulated.recovery import wilson
from hemicycle.agenda.simulated.simulation import simulate_agenda
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of


class Cell(NamedTuple):
    """One cell of the design."""

    days: int
    topics: int
    effect: float


class PowerOptions(Options):
    """A design of days x topics x strengths of influence."""

    days: tuple[int, ...] = Field(default=(90, 180, 365, 730), min_length=1)
    """Lengths of the series."""
    topics: tuple[int, ...] = Field(default=(5, 20, 50), min_length=1)
    """Numbers of topics."""
    effects: tuple[float, ...] = Field(default=(0.0, 0.02, 0.05, 0.1, 0.2), min_length=1)
    """Strengths of the planted edge; 0 shows how often a test errs."""
    simulation: AgendaSimulation = AgendaSimulation(model="panel var", share=0.02, shared=0.2, posts=0)
    """All else about the agenda; its other edges stay. Where shares are counted from ``posts``, look at effect 0 first:
    with few posts tests reject there, too, the more often the longer the series (see
    :mod:`hemicycle.agenda.simulated.discoveries`)."""
    leader: str = "media"
    """Group that leads."""
    follower: str = "public"
    """Group that follows."""
    lag: int = Field(default=1, ge=1, le=60)
    """Days until it follows."""
    leads: LeadOptions = GRANGER
    """How leads are tested."""
    level: float = Field(default=0.05, gt=0, lt=1)
    """Level at which the edge counts as detected."""
    corrected: bool = False
    """Whether p-values are those corrected over all ordered pairs of groups; else those of the planted edge alone."""
    target: float = Field(default=0.8, gt=0, lt=1)
    """Power that is wanted."""
    replications: int = Field(default=200, ge=1)
    """Replications of each cell."""
    seed: int = 0
    """Key of all that is random."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        known = self.simulation.groups
        for name in (self.leader, self.follower):
            if name not in known:
                raise ValueError(f"there is no group {name!r}; groups are {', '.join(known)}")
        if min(*self.days, *self.topics, 1) < 1:
            raise ValueError("days and topics are at least 1")
        if self.leader == self.follower:
            raise ValueError("a group cannot lead itself; name two")
        try:
            clusters(min(self.topics), min(self.days), self.leads)
        except InputError as error:
            raise ValueError(str(error)) from error
        for effect in self.effects:
            self.agenda(Cell(max(self.days), max(self.topics), effect))
        return self

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, in the order of the table."""
        return tuple(Cell(*values) for values in product(self.days, self.topics, self.effects))

    def agenda(self, cell: Cell) -> AgendaSimulation:
        """Return the agenda of a cell."""
        others = [e for e in self.simulation.edges if (e.leader, e.follower, e.lag) != (*self._edge, self.lag)]
        edge = Influence(leader=self.leader, follower=self.follower, strength=cell.effect, lag=self.lag)
        return self.simulation.replace(days=cell.days, topics=cell.topics).with_influence(*others, edge)

    @property
    def _edge(self) -> tuple[str, str]:
        return self.leader, self.follower


def power_trials(options: PowerOptions, cells: Iterable[Cell], first: int, last: int) -> pd.DataFrame:
    """Run the replications ``first`` to ``last`` - 1 of some cells.

    Returns:
        ``agenda_power_trials``: days, topics, effect, estimator, replication, p_value, rejected.

    Raises:
        InputError: a cell has too few days for the lags, or too few topics for the clusters.
    """
    with threadpoolctl.threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the number of threads
        tables = [_trial(options, cell, number) for cell in cells for number in range(first, last)]
    return pd.concat(tables, ignore_index=True)


def _trial(options: PowerOptions, cell: Cell, number: int) -> pd.DataFrame:
    key = key_of("agenda power", options.seed, number)
    found = lead_tests(simulate_agenda(options.agenda(cell), key), options.leads, key)
    own = found[(found["from"] == options.leader) & (found["to"] == options.follower)]
    p = own["p_bh" if options.corrected else "p_value"].to_numpy()
    columns = {"estimator": own["measure"].to_numpy(), "replication": number, "p_value": p}
    return pd.DataFrame({**cell._asdict(), **columns, "rejected": p <= options.level})


def power(trials: pd.DataFrame) -> pd.DataFrame:
    """Summarise trials.

    Returns:
        ``agenda_power``: days, topics, effect, estimator, replications, rejected (share), low, high (Wilson, 95 %).
    """
    rows = []
    for names, part in trials.groupby(["days", "topics", "effect", "estimator"], sort=True):
        hits = int(part["rejected"].sum())
        rows.append((*names, len(part), hits / len(part), *wilson(hits, len(part))))
    columns = ["days", "topics", "effect", "estimator", "replications", "rejected", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def needed(table: pd.DataFrame, target: float = 0.8, level: float = 0.05) -> pd.DataFrame:
    """Return the smallest designs that reach a power.

    Designs whose test errs too often count for nothing: those where the interval of the share rejected at effect 0,
    in as many days and topics, lies above the level.

    Args:
        table: ``agenda_power``.
        target: power wanted.
        level: of the test.

    Returns:
        ``agenda_power_needed``: estimator, effect, topics, days (the fewest that reach it and so do all longer ones;
        empty: none does), rejected there, size (share rejected at effect 0 there; NaN where it was not tried), target.
    """
    design = ["estimator", "days", "topics"]
    size = table[table["effect"] == 0].rename(columns={"rejected": "size", "low": "size_low"})
    whole = table[table["effect"] != 0].merge(size[[*design, "size", "size_low"]], how="left", on=design)
    reached = (whole["rejected"] >= target) & ~(whole["size_low"] > level)
    keys = ["estimator", "effect", "topics"]
    rows = [(*names, *_fewest(part), target) for names, part in whole.assign(reached=reached).groupby(keys)]
    columns = [*keys, "days", "rejected", "size", "target"]
    return pd.DataFrame(rows, columns=columns).astype({"days": "Int64"})


def _fewest(part: pd.DataFrame) -> tuple[object, float, float]:
    """Days, power and size of the shortest design from which on all reach the power."""
    last = part.loc[~part["reached"], "days"].max()
    enough = part if pd.isna(last) else part[part["days"] > last]
    if enough.empty:
        return pd.NA, float("nan"), float("nan")
    first = enough.sort_values("days").iloc[0]
    return int(first["days"]), float(first["rejected"]), float(first["size"])
