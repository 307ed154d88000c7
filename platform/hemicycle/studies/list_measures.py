"""What a model's lists are like beside being right, held against its users' own history and against chance."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.disclosure import K
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.evaluation import beyond
from hemicycle.evaluation.beyond import Lists, Values
from hemicycle.evaluation.intervals import Interval, mean_intervals
from hemicycle.evaluation.reference_lists import history_lists, random_lists
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.studies.probing import column, kind_of

LISTS = "list_results"
"""Table: one row a record and measure."""
LIST_COLUMNS = ["record_id", "k", "metric", "about", "value", "ci_low", "ci_high", "n", "history", "history_low"]
LIST_COLUMNS += ["history_high", "random", "random_low", "random_high", "difference", "difference_low"]
LIST_COLUMNS += ["difference_high"]


@dataclass(frozen=True, eq=False)
class Shown:
    """Lists, and what they are held against.

    Args:
        dataset: who the users are and what the items are.
        graph: what was known when the lists were made.
        users: whose lists, shape (n,).
        lists: a model's.
        history: users' own items, drawn to the length of a list.
        chance: drawn from all items that are not theirs.
    """

    dataset: Dataset
    graph: InteractionGraph
    users: NDArray[np.integer]
    lists: Lists
    history: Lists
    chance: Lists

    @classmethod
    def of(cls, dataset: Dataset, parts: Split, users: NDArray[np.integer], lists: Lists) -> "Shown":
        """Draw what lists are held against; the same for every model."""
        k = lists.shape[1]
        history = history_lists(parts.context, users, k, rng("history lists"))
        chance = random_lists([parts.context, parts.valid], users, k, rng("random lists"))
        return cls(dataset, parts.context, users, lists, history, chance)


@dataclass(frozen=True, eq=False)
class Held:
    """Lists to measure.

    Args:
        items: shape (n, k).
        own: whether they hold what their users took themselves.
    """

    items: Lists
    own: bool = False


Measure = Callable[[Held], Values]
"""Lists -> one value a user."""


def list_rows(shown: Shown, item_positions: Mapping[str, str]) -> pd.DataFrame:
    """One row a measure: the lists' mean, that of the users' own history and of chance, and lists minus history."""
    found = list(measures(shown, item_positions))
    columns = [
        [measure(lists) for lists in (Held(shown.lists), Held(shown.history, own=True), Held(shown.chance))]
        for _, _, measure in found
    ]
    stacked = [np.stack([*three, three[0] - three[1]], 1) for three in columns]
    intervals = mean_intervals(np.concatenate(stacked, 1), rng("list intervals"))
    rows: list[dict[str, Any]] = [
        {"metric": metric, "about": about} | _row(intervals[4 * place : 4 * place + 4])
        for place, (metric, about, _) in enumerate(found)
    ]
    if not is_public(shown.dataset.users):
        rows = [row for row in rows if row["n"] >= K]
    n_items = shown.graph.n_items
    for metric, of_all in (("coverage", beyond.coverage), ("gini", beyond.gini)):
        three = {"value": shown.lists, "history": shown.history, "random": shown.chance}
        values = {name: of_all(lists, n_items) for name, lists in three.items()}
        rows.append({"metric": metric, "about": "", "n": len(shown.users), **values})
    return pd.DataFrame(rows, columns=LIST_COLUMNS).assign(k=shown.lists.shape[1])


def _row(four: list[Interval]) -> dict[str, Any]:
    names = (("value", "ci"), ("history", "history"), ("random", "random"), ("difference", "difference"))
    row: dict[str, Any] = {"n": four[0].n}
    for (value, ends), found in zip(names, four, strict=True):
        row |= {value: found.value, f"{ends}_low": found.low, f"{ends}_high": found.high}
    return row


def measures(shown: Shown, item_positions: Mapping[str, str]) -> Iterator[tuple[str, str, Measure]]:
    """Yield every measure that the data allow: its name, the column that it is about, and the function."""
    graph, users, takers = shown.graph, shown.users, shown.graph.item_degrees
    yield "novelty", "", lambda held: beyond.novelty(held.items, takers, graph.n_users)
    vectors = graph.features.items
    if vectors is not None:
        yield "diversity", "item features", lambda held: beyond.diversity(held.items, vectors)
    yield "diversity", "co-consumption", lambda held: beyond.co_consumption_diversity(held.items, graph)
    yield "mean_popularity", "", lambda held: beyond.mean_popularity(held.items, takers)
    yield "popularity_lift", "", lambda held: beyond.popularity_lift(held.items, users, graph)
    yield "long_tail_share", "", lambda held: beyond.long_tail_share(held.items, takers)
    for name in with_role(_item_table(shown), "group"):
        yield "calibration", name, _calibration(shown, name)
    for name in with_role(shown.dataset.users, "group"):
        yield "cross_cutting_share", name, _across_groups(shown, name)
    for name in numeric_labels(shown.dataset):
        yield "ideological_distance", name, _distance(shown, name, item_positions)
        yield "cross_cutting_share", name, _across_median(shown, name, item_positions)


def numeric_labels(dataset: Dataset) -> list[str]:
    """Names of the users' labels that are numbers."""
    return [name for name in with_role(dataset.users, "label") if kind_of(dataset.users, name) == "number"]


def _item_table(shown: Shown) -> pa.Table:
    items = shown.dataset.items
    return shown.dataset.users if shown.graph.social or items is None else items


def _codes(values: NDArray[Any], names: list[str] | None = None) -> tuple[NDArray[np.int64], list[str]]:
    """Number texts by their place among ``names``; missing and other ones are UNKNOWN."""
    texts = pd.Series(values).map(lambda value: str(value) if pd.notna(value) else None)
    known = sorted(texts.dropna().unique()) if names is None else names
    return pd.Categorical(texts, categories=known).codes.astype(np.int64), known


def _calibration(shown: Shown, name: str) -> Measure:
    codes, names = _codes(column(_item_table(shown), name))
    history = beyond.history_shares(shown.graph, shown.users, codes, len(names))
    return lambda held: beyond.calibration(history, beyond.list_shares(held.items, codes, len(names)))


def _across_groups(shown: Shown, name: str) -> Measure:
    codes, names = _codes(column(shown.dataset.users, name))
    own, table = codes[shown.users], _item_table(shown)
    if name in table.column_names:
        sides, _ = _codes(column(table, name), names)
        return lambda held: beyond.cross_cutting_share(own, _sides(held.items, sides))
    audience = beyond.AudienceSide.of(shown.graph, codes)
    return lambda held: beyond.cross_cutting_share(own, audience.at(held.items, own if held.own else None))


def _sides(lists: Lists, sides: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where(lists < 0, beyond.UNKNOWN, sides[np.maximum(lists, 0)])


Located = Callable[[Held], Values]
"""Lists -> position of every listed item."""


def _located(shown: Shown, name: str, item_positions: Mapping[str, str]) -> Located:
    """Where items stand: at a position of their own, or at their training users' mean, without the user herself."""
    given, table = item_positions.get(name, name), _item_table(shown)
    if given in table.column_names:
        values = column(table, given).astype(np.float64)
        return lambda held: np.where(held.items < 0, np.nan, values[np.maximum(held.items, 0)])
    users = column(shown.dataset.users, name).astype(np.float64)
    audience = beyond.AudiencePosition.of(shown.graph, users)
    return lambda held: audience.at(held.items, users[shown.users] if held.own else None)


def _distance(shown: Shown, name: str, item_positions: Mapping[str, str]) -> Measure:
    own = column(shown.dataset.users, name).astype(np.float64)[shown.users]
    located = _located(shown, name, item_positions)
    return lambda held: beyond.ideological_distance(own, located(held))


def _across_median(shown: Shown, name: str, item_positions: Mapping[str, str]) -> Measure:
    """Cross-cutting between the two halves of all users."""
    users = column(shown.dataset.users, name).astype(np.float64)
    middle, located = float(np.nanmedian(users)), _located(shown, name, item_positions)
    own = _half(users[shown.users], middle)
    return lambda held: beyond.cross_cutting_share(own, _half(located(held), middle))


def _half(values: Values, middle: float) -> NDArray[np.int64]:
    return np.where(np.isfinite(values), values > middle, beyond.UNKNOWN).astype(np.int64)
