"""Declaration of a search: branches, their spaces, objectives, constraints, halving and budget."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from hemicycle.core.config import Options
from hemicycle.recommenders.catalogue import RECOMMENDER

Value = bool | int | float | str | None
"""Value of a hyperparameter."""
Params = dict[str, Value]
"""Dotted key (``recommender.dim``, ``train.lr``) -> value."""
BRANCH = "branch"
"""Key of the parameter that says which branch a trial takes, where there are several."""


class Dimension(Options):
    """One hyperparameter: some values, or a range."""

    choice: tuple[Value, ...] | None = None
    """The values it can take, in this order; numbers that are meant as a range are better given as one."""
    low: float | None = None
    """Least value of a range."""
    high: float | None = None
    """Greatest value of a range."""
    log: bool = False
    """Whether the logarithm is what varies evenly."""
    integer: bool = False
    """Whether the range holds integers only."""
    step: float | None = Field(None, gt=0)
    """Distance of neighbouring values of a range."""
    when: dict[str, Value | list[Value]] = Field(default_factory=dict)
    """Other dimensions of the same branch and the values for which this one exists; otherwise the default holds."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        ranged = self.low is not None and self.high is not None
        if (self.choice is None) != ranged:
            raise ValueError("give choice: [...], or low and high")
        if self.choice is not None and (len(set(self.choice)) != len(self.choice) or not self.choice):
            raise ValueError("choice needs one or several different values (1, 1.0 and true are the same)")
        if self.choice is not None and (self.log or self.integer or self.step is not None):
            raise ValueError("log, integer and step belong to a range, not to choice")
        if self.low is not None and self.high is not None:
            self._check_range(self.low, self.high)
        return self

    def _check_range(self, low: float, high: float) -> None:
        if not low < high:
            raise ValueError(f"low must be less than high, not {low:g} and {high:g}")
        if self.log and low <= 0:
            raise ValueError(f"a logarithmic range starts above 0, not at {low:g}")
        if self.log and self.step is not None:
            raise ValueError("a logarithmic range has no step")
        if self.integer and any(v is not None and v != int(v) for v in (low, high, self.step)):
            raise ValueError("low, high and step of integers are integers")


class Branch(Options):
    """An architecture with its fixed settings and with what varies of it."""

    recommender: Annotated[Any, RECOMMENDER]
    """The recommender; its other options keep these values."""
    train: dict[str, Any] = Field(default_factory=dict)
    """What differs from the study's ``train``."""
    space: dict[str, Dimension] = Field(default_factory=dict)
    """Dotted key -> dimension that only this branch has."""


class Objective(Options):
    """A quantity that is made large or small; a step of the study produces it from validation data alone."""

    metric: str
    """A validation metric (``ndcg@20``, ``recall@20``), ``probe`` (what a probe reads from the representation), or a
    measure of the validation users' lists (``coverage``, ``novelty``, ``cross_cutting_share`` ...)."""
    direction: Literal["maximize", "minimize"] = "maximize"
    """Which way is better."""
    label: str = ""
    """For ``probe`` and measures about a label: which one; empty: the first numeric label or group."""
    probe: str = "ridge"
    """For ``probe``: which."""

    @property
    def name(self) -> str:
        """Column of the trials table."""
        return f"{self.metric}:{self.label}" if self.label else self.metric


class Constraint(Options):
    """A bound on a quantity; trials beyond it are kept, but are never called best."""

    metric: str
    """As of an objective."""
    label: str = ""
    """As of an objective."""
    probe: str = "ridge"
    """As of an objective."""
    at_least: float | None = None
    """Least value allowed."""
    at_most: float | None = None
    """Greatest value allowed."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a constraint needs at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"nothing is at least {self.at_least:g} and at most {self.at_most:g}")
        return self

    @property
    def name(self) -> str:
        """Column of the trials table."""
        return f"{self.metric}:{self.label}" if self.label else self.metric

    def excess(self, value: float) -> float:
        """How far a value lies beyond the bound; 0 or less where it is allowed."""
        over = [] if self.at_most is None else [value - self.at_most]
        under = [] if self.at_least is None else [self.at_least - value]
        return max(over + under)


class Halving(Options):
    """Successive halving (Jamieson and Talwalkar, AISTATS 2016; asynchronous: Li et al., MLSys 2020).

    A trial is trained to the first rung; the best 1 / ``factor`` of its generation (asynchronously: of all so far) go
    on to the next, ``factor`` times as many epochs.
    """

    first: int = Field(5, ge=1)
    """Epochs of the first rung."""
    factor: int = Field(3, ge=2)
    """How many trials compete for one place on the next rung, and how much further that one is."""
    metric: str = "ndcg@20"
    """Validation metric that decides, the best so far of the trial."""

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """Epochs at which trials are compared, and last all ``epochs``."""
        found, at = [], self.first
        while at < epochs:
            found.append(at)
            at *= self.factor
        return (*found, epochs)


class SearchConfig(Options):
    """A search over recommenders."""

    branches: dict[str, Branch] = Field(min_length=1)
    """Name -> architecture; with several, which one a trial takes is searched, too."""
    space: dict[str, Dimension] = Field(default_factory=dict)
    """Dotted key -> dimension that all branches share."""
    objectives: tuple[Objective, ...] = (Objective(metric="ndcg@20"),)
    """One, or several that are traded off."""
    constraints: tuple[Constraint, ...] = ()
    """Bounds."""
    algorithm: Literal["tpe", "random", "grid", "qmc", "nsga2"] = "tpe"
    """Optuna's multivariate tree-structured Parzen estimator, uniform, all combinations, scrambled Sobol points, or
    NSGA-II."""
    trials: int = Field(60, ge=1, le=100_000)
    """Trials in all."""
    generation: int = Field(8, ge=1)
    """Trials that are proposed together, from the results of all before; the results depend on it, and on nothing that
    happens while it runs. At least as many as can run at once keeps a machine busy."""
    startup: int = Field(16, ge=0)
    """Trials drawn at random before ``tpe`` learns."""
    mode: Literal["generations", "async"] = "generations"
    """``generations``: reproducible; ``async``: the next trial is proposed as soon as one ends, through Ray Tune,
    which is faster and depends on the order in which trials end."""
    halving: Halving | None = None
    """Stops weak trials early."""
    start: tuple[dict[str, Value], ...] = ()
    """Trials to begin with (warm start), as ``{branch: mf, recommender.dim: 16}``; what is left out is sampled."""
    seconds: float | None = Field(None, gt=0)
    """Stop proposing when the trials so far took this many seconds of computing, of the slowest machine they ran on.
    Where it is reached depends on the machine."""
    gpu_hours: float | None = Field(None, gt=0)
    """As ``seconds``, in hours times GPUs."""
    workers: int = Field(1, ge=1, le=1024)
    """Processes that share one fit."""
    seed: int = Field(0, ge=0)
    """Keys what is proposed."""
    fit_seed: int | None = Field(None, ge=0)
    """Seed of every fit; None: each trial has its own, its number."""

    @field_validator("objectives")
    @classmethod
    def _some(cls, objectives: tuple[Objective, ...]) -> tuple[Objective, ...]:
        names = [objective.name for objective in objectives]
        if not names or len(set(names)) < len(names):
            raise ValueError("objectives are one or several different ones")
        return objectives
