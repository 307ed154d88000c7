"""A search as an ordinary Optuna study, which optuna-dashboard and optuna.visualization can open."""

import contextlib
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from hemicycle.search.config import BRANCH, Constraint, Params, SearchConfig
from hemicycle.search.dimensions import distribution
from hemicycle.search.space import Space
from hemicycle.search.trials import Proposal, Trial


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's log and its warnings for a while; they are about what is done here on purpose."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def directions(config: SearchConfig) -> list[str]:
    """Direction of each objective, as Optuna calls it."""
    return [objective.direction for objective in config.objectives]


def reached(trial: Trial, config: SearchConfig) -> list[float] | None:
    """Values of the objectives; None when one is missing or not finite."""
    values = [trial.values.get(objective.name, math.nan) for objective in config.objectives]
    return values if all(map(math.isfinite, values)) else None


def excesses(trial: Trial, config: SearchConfig) -> dict[str, float] | None:
    """How far a trial lies beyond each bound, by ``metric >= bound``; None when a value is missing or not finite."""
    found = {_bound(c): c.excess(trial.values.get(c.name, math.nan)) for c in config.constraints}
    measured = (trial.values.get(c.name, math.nan) for c in config.constraints)
    return found if all(map(math.isfinite, measured)) else None


def _bound(constraint: Constraint) -> str:
    least = [] if constraint.at_least is None else [f">= {constraint.at_least:g}"]
    most = [] if constraint.at_most is None else [f"<= {constraint.at_most:g}"]
    return " ".join([constraint.name, *least, *most])


@dataclass(frozen=True)
class Result:
    """How a trial is told to Optuna.

    Args:
        state: complete, pruned or failed.
        values: of the objectives, of complete trials.
        intermediate: epoch -> value, of pruned ones.
        constraints: excesses, if known.
    """

    state: TrialState
    values: list[float] | None = None
    intermediate: Mapping[int, float] | None = None
    constraints: Mapping[str, float] | None = None

    @classmethod
    def of(cls, trial: Trial, config: SearchConfig) -> "Result":
        """Tell a trial: stopped ones are pruned, or, where Optuna knows no pruning, have what they reached."""
        values, excess = reached(trial, config), excesses(trial, config)
        if trial.state == "stopped" and len(config.objectives) == 1:
            intermediate = {} if values is None else {trial.epochs: values[0]}
            return cls(TrialState.PRUNED, intermediate=intermediate, constraints=excess)
        if trial.state == "failed" or values is None or excess is None:
            return cls(TrialState.FAIL)
        return cls(TrialState.COMPLETE, values, constraints=excess)


Flatten = Callable[[Proposal], tuple[Params, dict[str, BaseDistribution]]]
"""Gives the parameters of a proposal as Optuna sees them, and their distributions."""


def flattened(space: Space, *, plain: bool = False) -> Flatten:
    """Return how proposals look to Optuna: by their labels, or ``plain``, by their keys where these are unambiguous."""
    name = space.plain_label if plain else space.label
    branches = {BRANCH: distribution(space.choice)} if len(space.branches) > 1 else {}
    known = {b: {key: distribution(d) for key, d in space.dimensions(b).items()} for b in space.branches}

    def flatten(proposal: Proposal) -> tuple[Params, dict[str, BaseDistribution]]:
        own = known[proposal.branch]
        distributions = branches | {name(proposal.branch, key): own[key] for key in proposal.params}
        return space.flat(proposal.branch, proposal.params, plain=plain), distributions

    return flatten


def frozen(config: SearchConfig, trial: Trial, flatten: Flatten, **attributes: dict[str, Any]) -> FrozenTrial:
    """Return Optuna's view of a trial; ``attributes`` are its ``user_attrs`` and ``system_attrs``."""
    result = Result.of(trial, config)
    params, distributions = flatten(trial.proposal)
    return optuna.trial.create_trial(
        state=result.state,
        values=result.values,
        params=params,
        distributions=distributions,
        intermediate_values=dict(result.intermediate or {}),
        constraints=dict(result.constraints or {}),
        **attributes,
    )


def to_optuna(
    config: SearchConfig,
    space: Space,
    trials: Sequence[Trial],
    name: str,
    records: Mapping[int, str] | None = None,
) -> optuna.Study:
    """Return a study in memory that holds all trials.

    Parameters have their plain names, but for those that take other values in another branch (``branch/key``).

    Args:
        config: the search.
        space: its space.
        trials: all trials, in order.
        name: of the study.
        records: number of a trial -> id of its model's record.
    """
    flatten = flattened(space, plain=True)
    with quiet():
        study = optuna.create_study(study_name=name, directions=directions(config))
        study.set_metric_names([objective.name for objective in config.objectives])
        for trial in trials:
            study.add_trial(frozen(config, trial, flatten, user_attrs=_about(trial, records or {})))
    return study


def write_journal(study: optuna.Study, path: Path) -> None:
    """Write a study to a journal file, all at once; ``optuna.load_study`` opens it through ``JournalFileBackend``.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with quiet(), tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / path.name
        storage = JournalStorage(JournalFileBackend(str(draft)))
        copy = optuna.create_study(study_name=study.study_name, directions=study.directions, storage=storage)
        if study.metric_names is not None:
            copy.set_metric_names(study.metric_names)
        copy.add_trials(study.get_trials(deepcopy=False))
        draft.replace(path)


def _about(trial: Trial, records: Mapping[int, str]) -> dict[str, Any]:
    about: dict[str, Any] = {"branch": trial.proposal.branch, "generation": trial.generation, "state": trial.state}
    about |= {"epochs": trial.epochs, **{name: float(value) for name, value in trial.values.items()}}
    about |= {"error": trial.error} if trial.error else {}
    return about | ({"record": records[trial.number]} if trial.number in records else {})
