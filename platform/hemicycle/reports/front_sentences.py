"""Sentences about the front of a search: where it lies, and what is left of it in test."""

import pandas as pd

from hemicycle.reports.search_words import (
    better,
    branch_label,
    front_clause,
    metric_label,
    nearest_sentence,
    none_finished,
    shown,
    signed_shown,
    stopped_sentence,
)
from hemicycle.reports.searches import FRONT, Search, shifts, undominated
from hemicycle.reports.theme import listing


def pareto_sentence(search: Search) -> str:
    """Where the front lies, how far test and validation differ on it, and how much of it holds in test."""
    tried = int((search.trials["kind"] != "").sum())
    aims = listing([f"{metric_label(m)} ({better(d)})" for m, d in search.objectives.items()])
    if search.front.empty:
        text = f"None of {tried} trials may be called best in {aims}: {none_finished(search)}."
        return " ".join([text, *nearest_sentence(search)])
    text = f"Of {front_clause(search).removeprefix('of ')} in {aims}: {ends(search)}."
    return " ".join([text, *stopped_sentence(search), *optimism(search)])


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def ends(search: Search) -> str:
    """The trials of the front that are best in each objective, with all their values in validation."""
    found = {}
    for metric in search.objectives:
        row = search.ranked(metric, search.front).iloc[0]
        values = listing([f"{metric_label(m)} {shown(m, row[f'valid {m}'])}" for m in search.objectives])
        found[int(row["trial"])] = f"trial {int(row['trial'])} ({branch_label(row['branch'])}) has {values}"
    return "; ".join(found.values())


def optimism(search: Search) -> list[str]:
    """How far the front moves from validation to test, and which of it no other finished trial beats there."""
    moved = shifts(search).dropna(subset=["front"])
    if moved.empty:
        return ["Test values of the front are not known."]
    parts = [_moved(row) for _, row in moved.iterrows()]
    count = int(moved["trials"].max())
    who = "the front's means change" if count > 1 else "it changes"
    found = [f"From validation to test, {who}: {'; '.join(parts)}."]
    rows = search.finished.dropna(subset=[f"test {metric}" for metric in search.objectives])
    best = rows[rows["kind"] == FRONT]
    if len(search.objectives) > 1 and len(best):
        held = int(undominated(search.oriented(best, "test"), search.oriented(rows, "test")).sum())
        found.append(f"In test, {held} of {count} {_are(held)} still beaten by no other finished trial.")
    return found


def _moved(row: pd.Series) -> str:
    metric = str(row["metric"])
    text = f"{metric_label(metric)} by {signed_shown(metric, row['front'])}"
    return (
        f"{text} (other finished trials by {signed_shown(metric, row['others'])})" if pd.notna(row["others"]) else text
    )
