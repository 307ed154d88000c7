"""How well a model orders what people were really shown, beside popularity, recency and chance."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.disclosure import K
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset
from hemicycle.evaluation.impressions import METRICS, Impressions, impression_metrics, pair_scores
from hemicycle.evaluation.intervals import Interval, ratio_intervals
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.scoring import Scores

IMPRESSIONS = "impression_results"
"""Table: one row a record, metric and ranker; the rankers are the model and what needs none."""
IMPRESSION_COLUMNS = ["record_id", "ranker", "metric", "value", "ci_low", "ci_high", "difference", "difference_low"]
IMPRESSION_COLUMNS += ["difference_high", "n", "users", "left_out"]
MODEL, POPULARITY, RECENCY, RANDOM = "model", "popularity", "recency", "random"
PUBLISHED = "published"
"""Column of the items' table with the time of publication, in seconds."""

Floats = NDArray[np.float64]


def impression_rows(dataset: Dataset, parts: Split, scores: Scores) -> pd.DataFrame:
    """One row a metric and ranker: mean over impressions, the model minus the ranker, intervals over users.

    Test impressions are those with a click that is a test edge and none that was known in training; those in which
    nothing can be compared (no click, or nothing but clicks) are left out and counted.
    """
    everything = impressions_of(dataset)
    shown = in_test(everything, parts)
    owners = np.unique(shown.owners)
    if not len(shown) or (not dataset.public and len(owners) < K):
        return pd.DataFrame(columns=IMPRESSION_COLUMNS)
    rankers = {MODEL: pair_scores(scores, shown.users, shown.items), **controls(dataset, parts, everything, shown)}
    found = {name: impression_metrics(shown, values) for name, values in rankers.items()}
    columns = [found[name][metric] for name in rankers for metric in METRICS]
    columns += [found[MODEL][metric] - found[name][metric] for name in rankers for metric in METRICS]
    intervals = _over_users(np.stack(columns, 1), shown.owners)
    about = {"n": len(shown), "users": len(owners), "left_out": shown.left_out}
    names = [(name, metric) for name in rankers for metric in METRICS]
    differences = intervals[len(names) :]
    rows = [
        {"ranker": name, "metric": metric, **_value(value), **(_minus(other) if name != MODEL else {}), **about}
        for (name, metric), value, other in zip(names, intervals, differences, strict=False)
    ]
    return pd.DataFrame(rows, columns=IMPRESSION_COLUMNS)


def _value(found: Interval) -> dict[str, Any]:
    return {"value": found.value, "ci_low": found.low, "ci_high": found.high}


def _minus(found: Interval) -> dict[str, Any]:
    return {"difference": found.value, "difference_low": found.low, "difference_high": found.high}


def _over_users(values: Floats, owners: NDArray[np.integer]) -> list[Interval]:
    """Means over impressions, shape (n_impressions, m), with intervals over the users who saw them."""
    _, codes = np.unique(owners, return_inverse=True)
    sums = np.stack([np.bincount(codes, column) for column in values.T], 1).astype(np.float64)
    counts = np.repeat(np.bincount(codes).astype(np.float64)[:, None], values.shape[1], 1)
    return ratio_intervals(sums, counts, rng("impression intervals"))


def impressions_of(dataset: Dataset) -> Impressions:
    """Return all impressions of a data set; none where it has none."""
    table = dataset.impressions
    if table is None:
        nothing = np.empty(0, np.int64)
        return Impressions.of(nothing, nothing, nothing, nothing, nothing)
    names = ("impression", "user", "item", "clicked", "time")
    return Impressions.of(*(table[name].to_numpy(zero_copy_only=False) for name in names))


def in_test(shown: Impressions, parts: Split) -> Impressions:
    """Keep comparable impressions with a clicked pair in the test, none of whose clicked pairs was known before."""
    wanted = shown.any_of(shown.clicked & _pairs_in(shown, parts.test))
    known = shown.any_of(shown.clicked & (_pairs_in(shown, parts.train) | _pairs_in(shown, parts.context)))
    return shown.select(wanted & ~known).comparable()


def _pairs_in(shown: Impressions, graph: InteractionGraph) -> NDArray[np.bool_]:
    """Tell which rows are edges of a graph."""
    keys = graph.rows() * np.int64(graph.n_items) + graph.indices
    return np.asarray(np.isin(shown.users * np.int64(graph.n_items) + shown.items, keys))


# -- what needs no model ---------------------------------------------------------------------------------------------


def controls(dataset: Dataset, parts: Split, everything: Impressions, shown: Impressions) -> dict[str, Floats]:
    """Scores of every row by popularity, by recency and by chance (all alike: measures average over all orders)."""
    return {
        POPULARITY: clicks_until(parts.train, shown.items, shown.times),
        RECENCY: published(dataset, everything, parts.train.n_items)[shown.items],
        RANDOM: np.zeros(len(shown.items)),
    }


def clicks_until(graph: InteractionGraph, items: NDArray[np.integer], times: Floats) -> Floats:
    """Training interactions with each item before each moment, shape (n,); all of them where times are not known.

    Args:
        graph: training graph.
        items: shape (n,).
        times: shape (n,), seconds.
    """
    if graph.times is None:
        return np.asarray(graph.item_degrees[items], np.float64)
    n = len(items)
    of = np.concatenate([items, graph.indices])
    when = np.concatenate([times, graph.times])
    is_click = np.arange(len(of)) >= n
    order = np.lexsort((is_click, when, of))  # at equal times the impression comes first: only what was before counts
    seen = np.cumsum(is_click[order])
    starts = np.concatenate([[0], np.cumsum(graph.item_degrees)])
    counts = np.empty(len(of))
    counts[order] = seen - starts[of[order]]
    return counts[:n]


def published(dataset: Dataset, everything: Impressions, n_items: int) -> Floats:
    """Time of each item's publication, shape (n_items,): a column of its table, or when it was first shown to anyone.

    NaN where neither is known.
    """
    first = np.full(n_items, np.inf)
    np.minimum.at(first, everything.items, everything.times)
    first[np.isinf(first)] = np.nan
    if dataset.items is None or PUBLISHED not in dataset.items.column_names:
        return np.asarray(first)
    given = np.asarray(dataset.items[PUBLISHED].to_pandas(), np.float64)
    return np.asarray(np.where(np.isfinite(given), given, first))
