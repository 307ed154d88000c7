"""What a tracker is told of a study: one run per model and one per simulation arm, aggregates only."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from hemicycle.core.config import fingerprint
from hemicycle.core.tracking import TrackedRun
from hemicycle.reports.facts import StudyFacts, Tables, table
from hemicycle.reports.summaries import at_readout, main_probe, recommending, scores, settings_of
from hemicycle.studies.simulation_tables import cell_names, large_designs


def tracked_runs(facts: StudyFacts, tables: Tables) -> list[TrackedRun]:
    """One run per model record (ranking and probes by epoch) and one per opinion model, arm and cell of a design.

    The id is a hash of the study's fingerprint and of what the run is, so telling twice does not double it.
    """
    return [*model_runs(facts, tables), *simulation_runs(facts, tables)]


def model_runs(facts: StudyFacts, tables: Tables) -> Iterator[TrackedRun]:
    """One run per model: history by epoch; summary of test metrics, probe scores and controls.

    The record of a trial also has the search, the trial and its hyperparameters in its configuration, and the
    objectives' validation values as ``search/METRIC`` in its summary.
    """
    records = table(tables, "records")
    settings = settings_of(records)
    probes = main_probe(table(tables, "probe_results"))
    ranking = table(tables, "ranking_results")
    told = trials_told(tables)
    for record in records.to_dict(orient="records"):
        own = probes[probes["record_id"] == record["id"]] if len(probes) else probes
        ranked = ranking[ranking["record_id"] == record["id"]] if len(ranking) else ranking
        about: dict[str, object] = {
            key: record[key] for key in ("family", "seed", "status", "best_epoch") if key in record
        }
        trial, values = told.get(str(record["id"]), ({}, {}))
        yield TrackedRun(
            id=fingerprint([facts.fingerprint, "model", str(record["id"])]),
            name=str(record["name"]),
            group=facts.name,
            kind="model",
            config={"study": facts.fingerprint, **about, **settings.get(str(record["id"]), {}), **trial},
            history=_by_step([*_ranking_history(ranked), *_probe_history(own)]),
            summary=_finite({**_ranking_summary(ranked), **_probe_summary(own, records), **values}),
        )


Told = tuple[dict[str, object], dict[str, float]]
"""What is added to a run's configuration and to its summary."""


def trials_told(tables: Tables) -> dict[str, Told]:
    """What is told of every trial, by its record."""
    trials, values, params = (table(tables, name) for name in ("trials", "trial_values", "trial_params"))
    aims = values if values.empty else values[values["role"] == "objective"]
    reached = _by_trial(aims, "metric", "value")
    if len(params):
        params = params.assign(value=list(map(_plain, params["value"], params["number"])))
    settings = _by_trial(params, "param", "value")
    found: dict[str, Told] = {}
    for row in trials.to_dict(orient="records"):
        key = (str(row["search"]), int(row["trial"]))
        about = {name: row[name] for name in ("search", "trial", "branch", "state", "feasible", "pareto")}
        summary = {f"search/{metric}": value for metric, value in reached.get(key, {}).items()}
        found[str(row["record_id"])] = ({**about, "params": settings.get(key, {})}, summary)
    return found


def _by_trial(rows: pd.DataFrame, name: str, value: str) -> dict[tuple[str, int], dict[str, Any]]:
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for row in rows.to_dict(orient="records"):
        found.setdefault((str(row["search"]), int(row["trial"])), {})[str(row[name])] = row[value]
    return found


def _plain(text: str, number: float) -> str | float:
    """A hyperparameter as a number where it is one, so that a dashboard can draw it."""
    return text if pd.isna(number) or text in {"True", "False", "true", "false"} else float(number)


Point = tuple[int, str, float]
"""Step, name and value."""


def _ranking_history(rows: pd.DataFrame) -> list[Point]:
    if rows.empty:
        return []
    valid = rows[rows["split"] == "valid"]
    return [(e, f"valid/{m}", v) for e, m, v in zip(valid["epoch"], valid["metric"], valid["value"], strict=True)]


def _probe_history(rows: pd.DataFrame) -> list[Point]:
    if rows.empty:
        return []
    single = scores(at_readout(rows))
    names = [f"probe/{target}" for target in single["target"]]
    return list(zip(single["epoch"], names, single["score"], strict=True))


def _ranking_summary(rows: pd.DataFrame) -> dict[str, float]:
    if rows.empty:
        return {}
    test = rows[rows["split"] == "test"]
    return {f"test/{metric}": value for metric, value in zip(test["metric"], test["value"], strict=True)}


def _probe_summary(rows: pd.DataFrame, records: pd.DataFrame) -> dict[str, float]:
    if rows.empty:
        return {}
    best = at_readout(recommending(rows, records))
    found: dict[str, float] = {}
    for row in best.to_dict(orient="records"):
        name = f"probe/{row['target']}"
        found |= {f"{name}/{row['score_name']}": row["score"], f"{name}/partial_r2": row.get("partial_r2", np.nan)}
        if row.get("control"):
            found[f"{name}/{row['control']}"] = row["control_score"]
    return found


def simulation_runs(facts: StudyFacts, tables: Tables) -> Iterator[TrackedRun]:
    """One run per simulation, cell of its design, opinion model and arm: history of every metric's mean over seeds.

    A large design has its mean over cells: a dashboard of thousands of runs helps nobody.
    """
    results, contrasts, factors = (
        _told_apart(table(tables, f"simulation_{name}"), table(tables, "simulation_factors"))
        for name in ("results", "contrasts", "factors")
    )
    if results.empty:
        return
    keys = ["simulation", "design", "opinion", "arm"]
    for key, rows in results.groupby(keys, sort=True):
        about = {name: str(value) for name, value in zip(keys, key, strict=True) if value}
        means = rows.groupby(["step", "metric"], sort=True)["value"].mean().reset_index()
        history = _by_step(list(zip(means["step"], means["metric"], means["value"], strict=True)))
        last = {name: value for name, value in history[-1].items() if name != "step"}
        yield TrackedRun(
            id=fingerprint([facts.fingerprint, "simulation", *about.values()]),
            name=" / ".join(about.values()),
            group=facts.name,
            kind="simulation",
            config={
                "study": facts.fingerprint,
                **about,
                **_levels(factors, about),
                "n_seeds": int(rows["seed"].nunique()),
            },
            history=history,
            summary=_finite({**last, **_contrast_summary(contrasts, about)}),
        )


def _told_apart(rows: pd.DataFrame, factors: pd.DataFrame) -> pd.DataFrame:
    """Rows with the column ``design``: the levels of their cell in words, or how many cells they are together."""
    if rows.empty:
        return rows
    names = cell_names(factors)
    many = {name: f"{n} cells" for name, n in large_designs(factors).items()}
    design = [
        many.get(str(simulation), names.get((str(simulation), int(cell)), ""))
        for simulation, cell in zip(rows["simulation"], rows.get("cell", pd.Series(0, rows.index)), strict=True)
    ]
    return rows.assign(design=design)


def _levels(factors: pd.DataFrame, about: Mapping[str, str]) -> dict[str, float | str]:
    """Factor -> value, of a run that is one cell."""
    if factors.empty:
        return {}
    mine = factors[(factors["simulation"] == about["simulation"]) & (factors["design"] == about.get("design"))]
    if len(set(mine["cell"])) > 1:
        return {}
    values = zip(mine["factor"], mine["value"], mine["level"], strict=True)
    return {str(factor): float(value) if np.isfinite(value) else str(level) for factor, value, level in values}


def _contrast_summary(contrasts: pd.DataFrame, about: Mapping[str, str]) -> dict[str, float]:
    if contrasts.empty:
        return {}
    same = contrasts[np.logical_and.reduce([contrasts[key] == value for key, value in about.items()])]
    if same.duplicated(["metric", "reference"]).any():  # of several cells, whose differences are not one
        return {}
    found: dict[str, float] = {}
    for row in same.to_dict(orient="records"):
        name = f"{row['metric']} - {row['reference']}"
        found |= {name: row["difference"], f"{name}/low": row["ci_low"], f"{name}/high": row["ci_high"]}
    return found


def _by_step(points: list[Point]) -> list[dict[str, float]]:
    """Group points by step, ascending; the step stands in every mapping."""
    steps: dict[int, dict[str, float]] = {}
    for step, name, value in points:
        if np.isfinite(value):
            steps.setdefault(int(step), {})[name] = float(value)
    return [{"step": step, **steps[step]} for step in sorted(steps)]


def _finite(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if np.isfinite(value)}
