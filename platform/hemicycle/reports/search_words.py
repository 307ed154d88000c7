"""Searches in words: names of objectives and hyperparameters, values, and what asynchronous means."""

import math

import pandas as pd

from hemicycle.reports.held_out import PROBE
from hemicycle.reports.quality import measure_label
from hemicycle.reports.searches import INFEASIBLE, MAXIMIZE, Search, nearest
from hemicycle.reports.theme import label, listing, number, setting, signed
from hemicycle.search.config import BRANCH

NOT_REPRODUCIBLE = (
    "Trials were proposed as others ended (asynchronous mode): which ones were proposed depended on the order in which "
    "they ended, and cannot be had again from the seed; each trial by itself can."
)


def metric_label(metric: str) -> str:
    """Name for people of an objective: ``NDCG@20``, ``probe score of party``, ``cross-cutting share, party``."""
    head, _, about = metric.partition(":")
    if head == PROBE:
        return f"probe score of {about}" if about else "probe score"
    return measure_label(head, about)


def shown(metric: str, value: float) -> str:
    """A value of a metric: three digits for those of lists (``ndcg@20``), else two."""
    return number(value, digits(metric))


def signed_shown(metric: str, value: float) -> str:
    """A change of a metric, with its sign."""
    return signed(value, digits(metric))


def digits(metric: str) -> int:
    """Digits that values of a metric are shown with."""
    return 3 if "@" in metric else 2


def better(direction: str) -> str:
    """Which way is better, in words."""
    return "more is better" if direction == MAXIMIZE else "less is better"


def param_labels(params: list[str]) -> dict[str, str]:
    """Names for people of dotted keys; keys that would be called the same keep their first part.

    A key such as ``lightgcn/recommender.layers`` is of one branch: ``layers (LightGCN)``.
    """
    short = {name: _setting(name) for name in params}
    names = list(short.values())
    return {
        name: f"{text} ({name.rpartition('.')[0]})" if names.count(text) > 1 else text for name, text in short.items()
    }


def _setting(key: str) -> str:
    branch, _, name = key.rpartition("/")
    return f"{setting(name)} ({branch_label(branch)})" if branch else setting(name)


def branch_label(branch: object) -> str:
    """Name for people of a branch."""
    return label(branch)


def settings_text(search: Search) -> dict[int, str]:
    """Hyperparameters of every trial as text: ``dimension 64, learning rate 0.012``; the architecture left out."""
    if search.params.empty:
        return {}
    rows = search.params[search.params["param"] != BRANCH]
    names = param_labels(sorted(rows["param"].unique()))
    text = [
        f"{names[p]} {setting_value(v, n)}"
        for p, v, n in zip(rows["param"], rows["value"], rows["number"], strict=True)
    ]
    joined = rows.assign(text=text).groupby("trial", sort=False)["text"].agg(", ".join)
    return {int(str(trial)): str(words) for trial, words in joined.items()}


def setting_value(value: object, number: float) -> str:
    """A hyperparameter's value: three significant digits of a number, a choice as it is."""
    return str(value) if pd.isna(number) or str(value).lower() in {"true", "false"} else f"{number:.3g}"


# -- what may be called best -----------------------------------------------------------------------------------------


def front_clause(search: Search) -> str:
    """How many of the finished trials are on the front: stopped ones were not compared."""
    count, total = len(search.front), len(search.finished)
    trials, verb = "trial" if total == 1 else "trials", "is" if count == 1 else "are"
    if search.constraints:
        return f"of the {total} {trials} finished within the constraints {count} {verb} beaten by no other of these"
    return f"of the {total} finished {trials} {count} {verb} beaten by no other finished one"


def stopped_sentence(search: Search) -> list[str]:
    """That halving, which sees one metric, stopped trials that no finished one beats; none where it did not."""
    count = len(search.stopped_unbeaten)
    if not count:
        return []
    by = f"halving by {metric_label(search.halving)} alone" if search.halving else "halving"
    trials, stops = ("trial is", "it") if count == 1 else ("trials are", "those")
    return [f"{count} stopped {trials} beaten by no finished one: {by} stops {stops}."]


def none_finished(search: Search) -> str:
    """Why none is called best."""
    return f"none was finished{' within the constraints' if search.constraints else ''}"


def nearest_sentence(search: Search) -> list[str]:
    """Where no trial meets the constraints, which came nearest to them, and what can be done."""
    rows = search.beyond
    if rows.empty or not search.trials["kind"].isin(["", INFEASIBLE]).all():
        return []
    remedy = f"relax {'the' if len(search.constraints) == 1 else 'a'} bound, or enlarge the space."
    row = nearest(search)
    if row is None:
        return [f"Nearest to a bound is a trial at one end: {listing(_ends(rows, search.constraints))}; {remedy}"]
    values = [
        f"{metric_label(m)} {shown(m, row[f'valid {m}'])} ({_bound(m, *search.bounds[m])})" for m in search.constraints
    ]
    return [f"Trial {int(row['trial'])} ({branch_label(row['branch'])}) came nearest, with {listing(values)}; {remedy}"]


def _ends(rows: pd.DataFrame, metrics: tuple[str, ...]) -> list[str]:
    """From where to where trials go in metrics."""
    found = []
    for metric in metrics:
        ordered = rows.sort_values(f"valid {metric}", kind="stable").iloc[[0, -1]]
        low, high = (
            f"{shown(metric, v)} (trial {t})" for v, t in zip(ordered[f"valid {metric}"], ordered["trial"], strict=True)
        )
        found.append(f"{metric_label(metric)} goes from {low} to {high}")
    return found


def _bound(metric: str, low: float, high: float) -> str:
    """A bound in words: ``at least .50``."""
    ends = {"at least": low, "at most": high}
    return f"{listing([f'{word} {shown(metric, end)}' for word, end in ends.items() if math.isfinite(end)])} asked for"
