"""Headlines of searches: what was tried, what came out best, and how far that holds in test."""

import pandas as pd

from hemicycle.reports.facts import Tables, table
from hemicycle.reports.figures_search import halving_clause, importance_parts
from hemicycle.reports.front_sentences import ends, optimism
from hemicycle.reports.search_words import (
    NOT_REPRODUCIBLE,
    branch_label,
    digits,
    front_clause,
    metric_label,
    nearest_sentence,
    none_finished,
    settings_text,
    shown,
    stopped_sentence,
)
from hemicycle.reports.searches import Search, searches
from hemicycle.reports.theme import interval, listing


def search_findings(tables: Tables) -> list[str]:
    """Sentences on every search: its best in validation and in test, then what matters and what halving saved."""
    found = searches(tables)
    texts = [text for search in found for text in (_best(search), _how(search)) if text]
    return [*texts, *_fruitless(table(tables, "trials"), {search.name for search in found})]


def _fruitless(trials: pd.DataFrame, told: set[str]) -> list[str]:
    """Searches of which no trial has a value."""
    rows = trials if trials.empty else trials[~trials["search"].isin(told)]
    counts = {} if rows.empty else rows.groupby("search", sort=False).size().to_dict()
    return [f"The search {name} tried {count} trials, and none of them gave a value." for name, count in counts.items()]


def _best(search: Search) -> str:
    lead = f"The search {search.name} tried {_tried(search)}"
    aims = listing([metric_label(metric) for metric in search.objectives])
    if search.front.empty:
        why = f"{lead}; {none_finished(search)}, so none is called best in {aims}."
        return " ".join([why, *nearest_sentence(search)])
    held = " ".join([*stopped_sentence(search), *optimism(search)])
    if len(search.objectives) == 1:
        return f"{lead}; {_one(search)}. {held}"
    return f"{lead}; {front_clause(search)} in {aims}: {ends(search)}. {held}"


def _one(search: Search) -> str:
    """The best trial of a single objective, in validation and in test."""
    (metric,) = search.objectives
    row = search.ranked(metric, search.front).iloc[0]
    trial = int(row["trial"])
    setting = settings_text(search).get(trial, "")
    who = f"trial {trial}, {branch_label(row['branch'])}{f' with {setting}' if setting else ''}"
    bounds = interval(row[f"test {metric} low"], row[f"test {metric} high"], digits(metric))
    values = (
        f"{shown(metric, row[f'valid {metric}'])} in validation, {shown(metric, row[f'test {metric}'])}{bounds} in test"
    )
    return f"the best {metric_label(metric)} is {values} ({who})"


def _tried(search: Search) -> str:
    states = search.trials["state"].value_counts()
    names = listing(dict.fromkeys(branch_label(name) for name in search.trials["branch"]))
    beyond = int((search.trials["feasible"].eq(False) & search.trials["state"].ne("failed")).sum())  # noqa: FBT003 - a value
    words = {"stopped early": int(states.get("stopped", 0)), "failed": int(states.get("failed", 0))}
    words["beyond a constraint"] = beyond
    parts = [f"{count} {word}" for word, count in words.items() if count]
    return f"{len(search.trials)} trials of {names}{f' ({listing(parts)})' if parts else ''}"


def _how(search: Search) -> str:
    """What matters, what halving saved, and whether the proposals can be had again."""
    parts = importance_parts(search)
    texts = [f"In the search {search.name}, what matters most is {listing(parts)}."] if parts else []
    texts += [f"{halving_clause(search)}."] if search.trials["state"].eq("stopped").any() else []
    return " ".join([*texts, *([NOT_REPRODUCIBLE] if search.asynchronous else [])])
