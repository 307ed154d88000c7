"""Whether estimators find what was planted: truth, estimate and interval over replications of known agendas.

A replication depends on the options and its own number alone, so that a table over 200 replications is that of the
replications 0 to 99 and that of 100 to 199, one below the other.
"""

from collections.abc import Callable, Iterator
from typing import Literal, Self

import numpy as np
import pandas as pd
import threadpoolctl
from pydantic import Field, model_validator
from scipy import stats

from hemicycle.agenda.hawkes.hawkes import HawkesOptions
from hemicycle.agenda.hawkes.kernels import Exponential, KernelOptions
from hemicycle.agenda.simulated.influence import AgendaSimulation, Influence
from hemicycle.agenda.simulated.recovered import of_coefficients, of_hawkes, of_mediation, of_responses
from hemicycle.core.config import Options
from hemicycle.core.seeding import key_of

Estimator = Literal["panel var", "responses", "hawkes", "mediation"]
_COLUMNS = ["estimator", "parameter", "truth", "estimate", "ci_low", "ci_high", "covered", "replication"]


def planted_leader(
    groups: tuple[str, ...] = ("media", "politicians", "public", "supporters"), strength: float = 0.15
) -> AgendaSimulation:
    """Return an agenda in which the first group leads all others and nobody else leads."""
    edges = tuple(Influence(leader=groups[0], follower=follower, strength=strength) for follower in groups[1:])
    return AgendaSimulation(
        groups=groups, topics=20, days=365, model="panel var", influence=edges, shared=0.2, posts=0, share=0.02
    )


def planted_posts() -> AgendaSimulation:
    """Return posts on one topic where the first group leads all others and nobody else leads."""
    agenda = planted_leader(strength=0.2)
    return agenda.replace(model="hawkes", topics=1, days=400, burn_in=20, inertia=0.3, posts=20, decay=4.0)


class RecoveryOptions(Options):
    """What is simulated and estimated again and again."""

    simulation: AgendaSimulation = Field(default_factory=planted_leader)
    """The agenda."""
    estimators: tuple[Estimator, ...] = ("panel var", "responses", "hawkes", "mediation")
    """``panel var``: lag coefficients; ``responses``: responses to a rise by one on the days ``days``; ``hawkes``:
    branching of ``posts``; ``mediation``: the weight of drawn exposures, on the same agenda with limited capacity."""
    posts: AgendaSimulation = Field(default_factory=planted_posts)
    """The agenda of Hawkes events; of several topics the first is used."""
    kernel: KernelOptions = Exponential(decay=4.0)
    """What is assumed of the delays of posts."""
    days: tuple[int, ...] = Field(default=(1, 5, 15), min_length=1)
    """Days of responses."""
    bootstrap: int = Field(default=200, ge=20)
    """Bootstrap replications of the intervals of responses."""
    weight: float = 2.0
    """Planted weight of exposure."""
    persistence: float = Field(default=0.5, ge=0, lt=1)
    """How much of the deviation of drawn exposures is left after a day."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    """Level of the intervals."""
    seed: int = 0
    """Key of all that is random."""

    @model_validator(mode="after")
    def _models(self) -> Self:
        if self.simulation.model == "hawkes" or self.posts.model != "hawkes":
            raise ValueError("simulation is of the model capacity or panel var, and posts of the model hawkes")
        if "responses" in self.estimators and self.simulation.news.rate * self.simulation.news.size:
            raise ValueError(
                "news move all groups within the day, which the truth of responses leaves out: drop either"
            )
        return self


def recovery(options: RecoveryOptions, first: int, last: int) -> dict[str, pd.DataFrame]:
    """Simulate and estimate in the replications ``first`` to ``last`` - 1.

    Returns:
        ``agenda_recovery``: estimator, parameter (``media -> public, lag 1``), truth, estimate, ci_low, ci_high,
        covered, replication.

    Raises:
        InputError: the agenda is too short for its lags.
    """
    with threadpoolctl.threadpool_limits(1, user_api="blas"):  # sums in one order, whatever the number of threads
        tables = [table for number in range(first, last) for table in _replication(options, number)]
    columns = pd.DataFrame(columns=_COLUMNS)
    return {"agenda_recovery": pd.concat(tables, ignore_index=True)[_COLUMNS] if tables else columns}


def _replication(options: RecoveryOptions, number: int) -> Iterator[pd.DataFrame]:
    key = key_of("agenda recovery", options.seed, number)
    simulation, level = options.simulation, options.confidence
    hawkes = HawkesOptions(kernel=options.kernel, confidence=level, held_out=0)
    made: dict[Estimator, Callable[[], pd.DataFrame]] = {
        "panel var": lambda: of_coefficients(simulation, key, level),
        "responses": lambda: of_responses(simulation, key, level, options.days, options.bootstrap),
        "hawkes": lambda: of_hawkes(options.posts, key, hawkes),
        "mediation": lambda: of_mediation(simulation, key, level, options.weight, options.persistence),
    }
    for name in dict.fromkeys(options.estimators):
        table = made[name]()
        inside = (table["ci_low"] <= table["truth"]) & (table["truth"] <= table["ci_high"])
        yield table.assign(estimator=name, covered=inside, replication=number)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Summarise ``agenda_recovery`` over replications.

    Returns:
        ``agenda_recovery_summary``: estimator, parameter, truth, mean, bias, rmse, coverage, low, high (Wilson's 95 %
        interval of the coverage), replications.
    """
    rows = []
    for (estimator, parameter), part in table.groupby(["estimator", "parameter"], sort=False):
        error, hits = part["estimate"] - part["truth"], int(part["covered"].sum())
        means = (part["truth"].mean(), part["estimate"].mean(), error.mean(), np.sqrt((error**2).mean()))
        rows.append((estimator, parameter, *means, hits / len(part), *wilson(hits, len(part)), len(part)))
    names = ["estimator", "parameter", "truth", "mean", "bias", "rmse", "coverage", "low", "high", "replications"]
    return pd.DataFrame(rows, columns=names)


def wilson(hits: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a probability (Wilson 1927, *J. American Statistical Association*); NaN without trials.

    Args:
        hits: successes.
        trials: of how many.
        confidence: level of the interval.
    """
    if not trials:
        return float("nan"), float("nan")
    found = stats.binomtest(hits, trials).proportion_ci(confidence, "wilson")
    return float(found.low), float(found.high)
