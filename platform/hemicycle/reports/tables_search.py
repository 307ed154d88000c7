"""Table of a search's best trials: their hyperparameters, and what they reach in validation and in test."""

import pandas as pd

from hemicycle.reports.facts import Tables
from hemicycle.reports.search_words import (
    NOT_REPRODUCIBLE,
    better,
    branch_label,
    digits,
    metric_label,
    settings_text,
    shown,
)
from hemicycle.reports.searches import Search, searches
from hemicycle.reports.tables import HtmlTable, html_table
from hemicycle.reports.theme import interval

MOST_FRONT, BEST = 25, 10


def search_tables(tables: Tables) -> list[HtmlTable]:
    """One table a search: the front, or with one objective the best trials."""
    made = (best_trials(search) for search in searches(tables))
    return [table for table in made if table is not None]


def best_rows(search: Search) -> pd.DataFrame:
    """Trials of the front, at most MOST_FRONT of them evenly chosen; with one objective the BEST best."""
    first = next(iter(search.objectives))
    if len(search.objectives) == 1:
        return search.ranked(first).head(BEST)
    front = search.ranked(first, search.front)
    return front.iloc[:: -(-len(front) // MOST_FRONT) or 1]


def best_trials(search: Search) -> HtmlTable | None:
    """Hyperparameters and values of the best trials; None where none may be called best."""
    rows = best_rows(search)
    settings = settings_text(search)
    cells = [_row(row, search, settings) for _, row in rows.iterrows()]
    name = f"best-trials-of-{search.name}"
    return html_table(name, _caption(search, len(rows)), cells, ("trial", "architecture", "hyperparameters"))


def _caption(search: Search, count: int) -> str:
    aims = ", ".join(f"{metric_label(m)} ({better(d)})" for m, d in search.objectives.items())
    total = len(search.front)
    which = f"The {count} best trials by {aims}" if len(search.objectives) == 1 else f"The front of {aims}: {count}"
    which += f" of its {total} trials, evenly chosen" if len(search.objectives) > 1 and total > count else ""
    which += (
        " trials that no other finished trial beats in every objective"
        if len(search.objectives) > 1 and total == count
        else ""
    )
    text = f"{which}. Chosen by validation values; test values, with 95 % intervals, were seen by no trial."
    return f"{text} {NOT_REPRODUCIBLE}" if search.asynchronous else text


def _row(row: pd.Series, search: Search, settings: dict[int, str]) -> dict[str, str]:
    cells = {"trial": str(int(row["trial"])), "architecture": branch_label(row["branch"])}
    cells |= {"hyperparameters": settings.get(int(row["trial"]), ""), "epochs": str(int(row["epochs"]))}
    for metric in search.objectives:
        name = metric_label(metric)
        bounds = interval(row[f"test {metric} low"], row[f"test {metric} high"], digits(metric))
        cells[f"{name}, validation"] = shown(metric, row[f"valid {metric}"])
        cells[f"{name}, test"] = shown(metric, row[f"test {metric}"]) + bounds
    bounded = [metric for metric in search.constraints if metric not in search.objectives]
    return cells | {f"{metric_label(m)}, validation": shown(m, row[f"valid {m}"]) for m in bounded}
