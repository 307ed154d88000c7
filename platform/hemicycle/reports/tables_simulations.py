"""Tables about simulations: paired differences, what mediators know, Sobol indices."""

from collections.abc import Iterator

import pandas as pd

from hemicycle.reports.facts import Tables
from hemicycle.reports.simulated import (
    Simulated,
    brief,
    factor_names,
    is_clear,
    last_values,
    order_metrics,
    simulations,
)
from hemicycle.reports.summaries import METRICS
from hemicycle.reports.tables import HtmlTable, html_table
from hemicycle.reports.theme import interval, label, number, small

MOST_SOBOL = 6
"""Metrics of a sensitivity analysis in its table."""


def contrasts(tables: Tables) -> HtmlTable | None:
    """Paired differences at the last step; of designs, in how many cells they are told from 0 and between what."""
    rows = [row for s in simulations(tables) if s.sensitivity.empty for row in _contrast_rows(s)]
    caption = (
        "Differences between arms at the last step, paired by seed, with 95 % intervals (MDE: minimum detectable). Of "
        "a design: the least and the greatest over its cells, and in how many the interval is above or below 0."
    )
    return html_table("contrasts", caption, rows, ("simulation", "opinion model", "measure", "arm", "against"))


def _contrast_rows(simulated: Simulated) -> Iterator[dict[str, str]]:
    rows = simulated.contrasts
    if rows.empty:
        return
    for (opinion, metric, arm, reference), part in rows.groupby(["opinion", "metric", "arm", "reference"], sort=False):
        names = {"simulation": simulated.name, "opinion model": label(opinion), "measure": label(metric)}
        names |= {"arm": label(arm), "against": label(reference)}
        yield names | (_one(part.iloc[0]) if len(part) == 1 else _several(part))


def _one(row: pd.Series) -> dict[str, str]:
    bounds = f" [{small(row['ci_low'])}, {small(row['ci_high'])}]" if pd.notna(row["ci_low"]) else ""
    return {
        "difference": small(row["difference"]) + bounds,
        "MDE": small(row["minimum_detectable_effect"]),
        "cells": "",
        "seeds": str(row["n_seeds"]),
    }


def _several(rows: pd.DataFrame) -> dict[str, str]:
    clear, known = is_clear(rows), rows["difference"].dropna()
    up, down = (int((clear & (rows["difference"] * sign > 0)).sum()) for sign in (1, -1))
    mde = rows["minimum_detectable_effect"].dropna()
    return {
        "difference": f"{brief(known.min())} to {brief(known.max())}" if len(known) else "n/a",
        "MDE": f"{brief(mde.min())} to {brief(mde.max())}" if len(mde) else "n/a",
        "cells": f"{len(rows)}: {up} above, {down} below",
        "seeds": str(rows["n_seeds"].min()),
    }


def knowledge(tables: Tables) -> HtmlTable | None:
    """What mediators know of opinions at the first and the last refresh, with controls, beside polarization."""
    rows = [row for simulated in simulations(tables) for row in _knowledge_rows(simulated)]
    caption = (
        "R² of opinions out of fold, read from the mediators' vectors as they score: mean over dimensions and seeds, "
        "in brackets the range over seeds; beside it the untrained mediator, permuted opinions and, at the end of the "
        "run, polarization."
    )
    text = ("simulation", "opinion model", "arm", "cell", "opinions")
    return html_table("knowledge", caption, rows, text)


def _knowledge_rows(simulated: Simulated) -> Iterator[dict[str, str]]:
    rows = simulated.knowledge
    if rows.empty:
        return
    ends = _polarization(simulated)
    for key, part in rows.groupby(["opinion", "arm", "cell", "opinions"], sort=False):
        (opinion, arm, cell, kind) = map(str, key)
        steps = sorted(part["step"].unique())
        for step in dict.fromkeys((steps[0], steps[-1])):
            at = part[part["step"] == step]
            names = {"simulation": simulated.name, "opinion model": label(opinion), "arm": label(arm)}
            names |= {"cell": simulated.cells.get(int(cell), "")} if simulated.cells else {}
            read = {"opinions": str(kind), "step": str(step), "R²": _range(at[at["status"] == "trained"], "r2")}
            read |= {"untrained": _range(at[at["status"] == "untrained"], "r2")}
            read |= {"permuted": _range(at[at["status"] == "trained"], "control")}
            yield names | read | {"polarization": ends.get((opinion, arm, int(cell)), "")}


def _range(rows: pd.DataFrame, value: str) -> str:
    seeds = rows.groupby("seed")[value].mean().dropna()
    if seeds.empty:
        return ""
    return number(float(seeds.mean())) + (interval(seeds.min(), seeds.max()) if len(seeds) > 1 else "")


def _polarization(simulated: Simulated) -> dict[tuple[str, str, int], str]:
    """Mean of the first metric of polarization at the end, by opinion model, arm and cell."""
    if simulated.results.empty:
        return {}
    metric = next((name for name in METRICS if name in set(simulated.results["metric"])), "")
    last = last_values(simulated.results)
    means = last[last["metric"] == metric].groupby(["opinion", "arm", "cell"])["value"].mean()
    known = means.dropna().reset_index()
    named = zip(known["opinion"], known["arm"], known["cell"], known["value"], strict=True)
    return {(str(o), str(a), int(c)): f"{label(metric)} {brief(float(value))}" for o, a, c, value in named}


def sensitivity(tables: Tables) -> HtmlTable | None:
    """Sobol indices of the customary metrics."""
    rows = [row for simulated in simulations(tables) for row in _index_rows(simulated)]
    caption = "Sobol indices of measures at the last step (mean over seeds), with 95 % bootstrap intervals."
    return html_table("sensitivity", caption, rows, ("simulation", "opinion model", "measure", "arm", "factor"))


def _index_rows(simulated: Simulated) -> Iterator[dict[str, str]]:
    rows = simulated.sensitivity
    if rows.empty:
        return
    names = factor_names(rows["factor"].unique())
    metrics = order_metrics(rows.loc[rows["value"].notna(), "metric"])[:MOST_SOBOL]
    kept = rows[rows["metric"].isin(metrics)]
    for (opinion, metric, arm, factor), part in kept.groupby(["opinion", "metric", "arm", "factor"], sort=False):
        known = {"simulation": simulated.name, "opinion model": label(opinion), "measure": label(metric)}
        known |= {"arm": label(arm), "factor": names[str(factor)]}
        yield known | {
            f"{row['kind']} order" if row["kind"] == "first" else "total": _index(row) for _, row in part.iterrows()
        }


def _index(row: pd.Series) -> str:
    return number(row["value"]) + interval(row["low"], row["high"])
