"""Tables of a study's searches: trials, their values and parameters, importances, progress."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pandas as pd

from hemicycle.core.storage import Folder
from hemicycle.population.population import read_records
from hemicycle.search.config import SearchConfig
from hemicycle.search.fronts import front_of, progress
from hemicycle.search.importances import importances
from hemicycle.search.optuna_study import excesses
from hemicycle.search.space import Space
from hemicycle.search.trials import Trial
from hemicycle.studies.engine import Outcome
from hemicycle.studies.generations import ProposeOptions
from hemicycle.studies.quantities import PROBED, VALUES
from hemicycle.studies.searching import SearchOptions, final_histories
from hemicycle.studies.steps import Step

TRIALS, VALUES_OF, PARAMS_OF = "trials", "trial_values", "trial_params"
TRIAL_COLUMNS = ["search", "trial", "generation", "name", "record_id", "branch", "state", "epochs", "feasible"]
TRIAL_COLUMNS += ["pareto", "mode", "error"]
VALUE_COLUMNS = ["search", "trial", "role", "metric", "direction", "value", "at_least", "at_most"]
PARAM_COLUMNS = ["search", "trial", "param", "value", "number"]
IMPORTANCE_COLUMNS = ["search", "metric", "param", "importance"]
PROGRESS_COLUMNS = ["search", "trial", "metric", "value"]


@dataclass(frozen=True)
class _Search:
    """A search with its trials as they are now.

    Args:
        name: of the search.
        config: what was searched.
        train: the study's way of training.
        trials: in their order.
    """

    name: str
    config: SearchConfig
    train: Mapping[str, Any]
    trials: Sequence[Trial]

    def title(self, trial: Trial) -> str:
        """Name of a trial's record."""
        seed = trial.number if self.config.fit_seed is None else self.config.fit_seed
        return f"{self.name}-{trial.number:03d}-s{seed}"


def search_tables(outcome: Outcome, store: Folder) -> dict[str, pd.DataFrame]:
    """Return the tables of all searches of a study; none where there is no search."""
    if not any(step.kind in ("propose", "search") for step in outcome.steps.values()):
        return {}
    evaluated = {_last_word(step): step for step in outcome.finished("evaluate")}
    searches = list(_searches(outcome, evaluated, store))
    about = _About.of(outcome, evaluated, store)
    values = [{"search": s.name, "trial": t.number, **row} for s in searches for t in s.trials for row in _values(s, t)]
    params = [{"search": s.name, "trial": t.number, **row} for s in searches for t in s.trials for row in _params(t)]
    important = [importances(s.config, Space.of(s.config, s.train), s.trials).assign(search=s.name) for s in searches]
    progressed = [progress(s.trials, s.config).assign(search=s.name) for s in searches]
    numbers = dict.fromkeys(("at_least", "at_most"), "float64")
    return {
        TRIALS: pd.DataFrame([row for s in searches for row in _trials(s, about)], columns=TRIAL_COLUMNS),
        VALUES_OF: pd.DataFrame(values, columns=VALUE_COLUMNS).astype(numbers),
        PARAMS_OF: pd.DataFrame(params, columns=PARAM_COLUMNS),
        "search_importances": _joined(important, IMPORTANCE_COLUMNS),
        "search_progress": _joined(progressed, PROGRESS_COLUMNS),
        "search_probe_results": _probes(outcome, store),
    }


def _searches(outcome: Outcome, evaluated: Mapping[str, Step], store: Folder) -> Iterator[_Search]:
    steps = [*outcome.finished("propose"), *outcome.finished("search")]
    asked = {_last_word(step): cast("ProposeOptions | SearchOptions", step.options) for step in steps}
    for name, history in sorted(final_histories(steps, store).items()):
        search = _Search(name, asked[name].search, asked[name].train, history)
        yield replace(search, trials=[_as_it_is_now(search, trial, evaluated, store) for trial in history])


def _as_it_is_now(search: _Search, trial: Trial, evaluated: Mapping[str, Step], store: Folder) -> Trial:
    """A trial whose steps failed when the search went on, and were finished since, counts as what it is now."""
    step = evaluated.get(search.title(trial))
    if trial.state != "failed" or step is None:
        return trial
    return replace(trial, state="complete", values=step.folder(store).read_json(VALUES))


@dataclass(frozen=True)
class _About:
    """What is known of trials beside their values: title -> id of the record, title -> first line of an error."""

    records: Mapping[str, str]
    errors: Mapping[str, str]

    @classmethod
    def of(cls, outcome: Outcome, evaluated: Mapping[str, Step], store: Folder) -> "_About":
        """Look at what was finished and at what failed."""
        records = {title: read_records(s.inputs["model"].folder(store))[0].id for title, s in evaluated.items()}
        failed = [(key, step) for key, step in outcome.steps.items() if outcome.states.get(key) == "failed"]
        errors = {_last_word(step): outcome.errors[key].partition("\n")[0] for key, step in failed}
        return cls(records, errors)


def _trials(search: _Search, about: _About) -> Iterator[dict[str, Any]]:
    """One row a trial."""
    for trial, best in zip(search.trials, front_of(search.trials, search.config), strict=True):
        title = search.title(trial)
        excess = excesses(trial, search.config)
        yield {
            "search": search.name,
            "trial": trial.number,
            "generation": trial.generation,
            "name": title,
            "record_id": about.records.get(title, ""),
            "branch": trial.proposal.branch,
            "state": trial.state,
            "epochs": trial.epochs,
            "feasible": trial.state != "failed" and excess is not None and all(value <= 0 for value in excess.values()),
            "pareto": bool(best),
            "mode": search.config.mode,
            "error": trial.error or about.errors.get(title, ""),
        }


def _values(search: _Search, trial: Trial) -> Iterator[dict[str, Any]]:
    """One row an objective, constraint and halving metric; a constraint's has its bounds."""
    config, found = search.config, dict(trial.values)
    bounds = {f"constraint{one.name}": {"at_least": one.at_least, "at_most": one.at_most} for one in config.constraints}
    roles: list[tuple[str, str, str]] = [("objective", one.name, one.direction) for one in config.objectives]
    roles += [("constraint", one.name, "") for one in config.constraints]
    roles += [("halving", config.halving.metric, "maximize")] if config.halving else []
    for role, metric, direction in roles:
        if metric in found:
            yield {"role": role, "metric": metric, "direction": direction, "value": found[metric]} | bounds.get(
                role + metric, {}
            )


def _params(trial: Trial) -> Iterator[dict[str, Any]]:
    for name, value in trial.proposal.params.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        yield {"param": name, "value": str(value), "number": float(value or 0) if is_number else float("nan")}


def _last_word(step: Step) -> str:
    """Name of the search or of the record that a step is about."""
    return step.title.rsplit(" ", 1)[-1]


def _joined(frames: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    kept = [frame for frame in frames if len(frame)]
    return pd.concat(kept, ignore_index=True)[columns] if kept else pd.DataFrame(columns=columns)


def _probes(outcome: Outcome, store: Folder) -> pd.DataFrame:
    """What the objectives' probes found on the search's half of the users, with controls and intervals."""
    found = []
    for step in sorted(outcome.finished("evaluate"), key=lambda step: step.title):
        frame = step.folder(store).read_table(PROBED).to_pandas()
        found.append(frame.assign(name=_last_word(step)))
    kept = [frame for frame in found if len(frame)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
