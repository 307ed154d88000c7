"""Tables of a study's searches: trials, their values and parameters, importances, progress."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import pandas as pd

from hemicycle.core.storage import Folder
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
from hemicycle.studies.trial_steps import epochs_trained, title_of

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


def search_tables(outcome: Outcome, store: Folder, names: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Return the tables of all searches of a study; none where there is no search.

    Args:
        outcome: of the study's steps.
        store: where they lie.
        names: id of a record of the study -> its name. Models that are the same, of two trials or of a trial and a
            member, share a record and therefore a name.
    """
    if not any(step.kind in ("propose", "search") for step in outcome.steps.values()):
        return {}
    searches = list(_searches(outcome, store))
    about = _About(outcome, names)
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
        "search_probe_results": _probes(outcome, store, names),
    }


def _searches(outcome: Outcome, store: Folder) -> Iterator[_Search]:
    steps = [*outcome.finished("propose"), *outcome.finished("search")]
    asked = {_last_word(step): cast("ProposeOptions | SearchOptions", step.options) for step in steps}
    for name, history in sorted(final_histories(steps, store).items()):
        trials = [_as_it_is_now(trial, outcome, store) for trial in history]
        yield _Search(name, asked[name].search, asked[name].train, trials)


def _as_it_is_now(trial: Trial, outcome: Outcome, store: Folder) -> Trial:
    """A trial that failed when the search went on: complete if it was finished since, else with what was trained."""
    step = outcome.steps.get(trial.measured)
    if trial.state != "failed" or step is None:
        return trial
    if outcome.states.get(trial.measured) in ("cached", "finished"):
        return replace(trial, state="complete", values=step.folder(store).read_json(VALUES))
    return replace(trial, epochs=epochs_trained(step, store))


@dataclass(frozen=True)
class _About:
    """What is known of trials beside their values.

    Args:
        outcome: of the study's steps.
        names: id of a record -> its name.
    """

    outcome: Outcome
    names: Mapping[str, str]

    def record(self, trial: Trial) -> str:
        """Id of a trial's record, which the fit that was measured wrote; empty where there is none."""
        step = self.outcome.steps.get(trial.measured)
        found = step.inputs["model"].fingerprint if step is not None else ""
        return found if found in self.names else ""

    def error(self, trial: Trial) -> str:
        """First line of what went wrong, in the trial's evaluation or in one of its fits."""
        step = self.outcome.steps.get(trial.measured)
        steps = [] if step is None else [*step.inputs.values(), step]
        failed = [s.fingerprint for s in steps if self.outcome.states.get(s.fingerprint) == "failed"]
        return self.outcome.errors[failed[0]].partition("\n")[0] if failed else ""


def _trials(search: _Search, about: _About) -> Iterator[dict[str, Any]]:
    """One row a trial."""
    for trial, best in zip(search.trials, front_of(search.trials, search.config), strict=True):
        record = about.record(trial)
        excess = excesses(trial, search.config)
        yield {
            "search": search.name,
            "trial": trial.number,
            "generation": trial.generation,
            "name": about.names[record] if record else title_of(search.name, search.config, trial.proposal),
            "record_id": record,
            "branch": trial.proposal.branch,
            "state": trial.state,
            "epochs": trial.epochs,
            "feasible": trial.state != "failed" and excess is not None and all(value <= 0 for value in excess.values()),
            "pareto": bool(best),
            "mode": search.config.mode,
            "error": trial.error or about.error(trial),
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


def _probes(outcome: Outcome, store: Folder, names: Mapping[str, str]) -> pd.DataFrame:
    """What the objectives' probes found on the search's half of the users, with controls and intervals."""
    found = []
    for step in sorted(outcome.finished("evaluate"), key=lambda step: step.title):
        frame = step.folder(store).read_table(PROBED).to_pandas()
        found.append(frame.assign(name=names.get(step.inputs["model"].fingerprint, _last_word(step))))
    kept = [frame for frame in found if len(frame)]
    return pd.concat(kept, ignore_index=True) if kept else pd.DataFrame()
