"""What erasure does to lists: how right they are, how much alike, and how far they cross sides, by political group."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.disclosure import K, suppress_small_cells
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset
from hemicycle.evaluation import beyond
from hemicycle.evaluation.intervals import mean_intervals
from hemicycle.evaluation.ranking import evaluate_lists
from hemicycle.evaluation.topk import NONE, top_k
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.recommenders.scoring import Scores
from hemicycle.studies.interpretation.erasing_labels import is_class, label_of
from hemicycle.studies.probing import kind_of
from hemicycle.studies.sides import attributes_of
from hemicycle.transforms.attributes import UNKNOWN, Attributes, audience_side, numbered
from hemicycle.transforms.base import TransformConfig

Values = NDArray[np.float64]
Rows = list[dict[str, Any]]
COVERAGE = "coverage"
QUALITY = ("ndcg", "recall", COVERAGE)
"""Metrics of being right; all others are about exposure."""


@dataclass(frozen=True, eq=False)
class Judge:
    """Measures lists of the same users again and again.

    Args:
        parts: what is known when lists are made, and what is held out.
        users: whose lists are measured, shape (n,).
        attributes: sides.
        vectors: items' vectors of the model before anything was erased, by which lists are alike, shape (n_items, d).
        by: column of the users that tells sides; empty without.
        public: whether all users are public figures.
        k: length of the lists.
    """

    parts: Split
    users: NDArray[np.integer]
    attributes: Attributes
    vectors: NDArray[np.floating]
    by: str
    public: bool
    k: int = 20

    def measure(self, scores: Scores) -> "Judged":
        """Rank all items for the users and measure their lists."""
        lists = top_k(scores, [self.parts.context, self.parts.valid], self.users, self.k)
        return Judged(self._values(lists), beyond.coverage(lists, self.parts.train.n_items))

    def _values(self, lists: NDArray[np.int32]) -> dict[str, Values]:
        ranking = evaluate_lists(lists, self.users, self.parts.test)
        values: dict[str, Values] = {}
        for name in ("ndcg", "recall"):
            values[f"{name}@{self.k}"] = np.full(len(self.users), np.nan)
            values[f"{name}@{self.k}"][np.isin(self.users, ranking.users)] = ranking.per_user[f"{name}@{self.k}"]
        values["diversity"] = beyond.diversity(lists, self.vectors)
        if self.by:
            side = np.where(lists == NONE, UNKNOWN, self.attributes.item_side[np.maximum(lists, 0)])
            values["cross_cutting_share"] = beyond.cross_cutting_share(self.attributes.user_side[self.users], side)
            values["exposure_homogeneity"] = homogeneity(side)
        return values

    def rows(self, found: "Judged", before: "Judged") -> Rows:
        """One row a metric, of all users and of each side, with the paired difference to lists before erasure."""
        everyone = np.full(len(self.users), "")
        rows = self._cells(found, before, {"": everyone == ""})
        rows = [row for row in rows if self.public or row["n"] >= K]
        metric = f"{COVERAGE}@{self.k}"
        rows.append({"metric": metric, "by": "", "group": "", "value": found.coverage, "n": len(self.users)})
        rows[-1]["difference"] = found.coverage - before.coverage
        if not self.by:
            return rows
        own = self.attributes.user_side[self.users]
        groups = {name: own == place for place, name in enumerate(self.attributes.sides)}
        cells = [row | {"by": self.by} for row in self._cells(found, before, groups)]
        return rows + (cells if self.public else _suppressed(cells))

    def _cells(self, found: "Judged", before: "Judged", groups: Mapping[str, NDArray[np.bool_]]) -> Rows:
        names = list(found.per_user)
        values = np.stack([found.per_user[name] for name in names], 1)
        changes = values - np.stack([before.per_user[name] for name in names], 1)
        rows: Rows = []
        for group, members in groups.items():
            both = np.concatenate([values[members], changes[members]], 1)
            intervals = mean_intervals(both, rng("erasure intervals"))
            for place, name in enumerate(names):
                value, change = intervals[place], intervals[place + len(names)]
                rows.append({"metric": name, "by": "", "group": group, "n": value.n, "value": value.value})
                rows[-1] |= {"ci_low": value.low, "ci_high": value.high, "difference": change.value}
                rows[-1] |= {"difference_low": change.low, "difference_high": change.high}
        return rows


@dataclass(frozen=True, eq=False)
class Judged:
    """What lists were found to be.

    Args:
        per_user: metric -> one value a user, shape (n,), NaN where unknown.
        coverage: share of all items in any list.
    """

    per_user: Mapping[str, Values]
    coverage: float


def _suppressed(cells: Rows) -> Rows:
    """Hide groups of fewer than K people, and what would give them away, metric by metric."""
    frame = pd.DataFrame(cells)
    frames = [suppress_small_cells(rows, ["group"], "n") for _, rows in frame.groupby("metric", sort=False)]
    shown = pd.concat(frames, ignore_index=True).dropna(subset=["n"])
    return [{str(key): value for key, value in row.items()} for row in shown.to_dict("records")]


def homogeneity(sides: NDArray[np.integer]) -> Values:
    """Share of pairs of listed items that stand on the same side, shape (n,): 1 where a list has one side only.

    That is Simpson's index without replacement (Nature 1949), sum c_s (c_s - 1) / (m (m - 1)) over a list's m items of
    a known side; NaN with fewer than two.

    Args:
        sides: of listed items, shape (n, k), ``UNKNOWN`` where not known.
    """
    counts = np.stack([(sides == side).sum(1) for side in range(int(sides.max(initial=0)) + 1)], 1).astype(np.float64)
    total = counts.sum(1)
    same = (counts * (counts - 1)).sum(1)
    pairs = total * (total - 1)
    return np.asarray(np.divide(same, pairs, out=np.full(len(sides), np.nan), where=pairs > 0))


# -- sides ---------------------------------------------------------------------------------------------------------


def sides_of(dataset: Dataset, graph: InteractionGraph, config: TransformConfig) -> Attributes:
    """Return sides as :func:`hemicycle.studies.sides.attributes_of` does, but those of a two-valued number by value."""
    name = config.side
    if not name or kind_of(dataset.users, name) == "class" or not is_class(dataset, name):
        return attributes_of(dataset, graph, config)
    values = label_of(dataset, name)
    sides = tuple(sorted({value for value in values if value is not None}))
    users = numbered(values, sides)
    items = users if graph.social else audience_side(graph, users, config.margin)
    return replace(Attributes.unknown(graph.n_users, graph.n_items), user_side=users, item_side=items, sides=sides)
