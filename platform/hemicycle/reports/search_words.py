"""Searches in words: names of objectives and hyperparameters, values, and what asynchronous means."""

import pandas as pd

from hemicycle.reports.held_out import PROBE
from hemicycle.reports.quality import measure_label
from hemicycle.reports.searches import MAXIMIZE, Search
from hemicycle.reports.theme import label, number, setting, signed
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
