"""Rows of the table of explanations: ratios over users by group, with intervals, beside their controls."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hemicycle.core.disclosure import K, hidden_cells
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset, with_role
from hemicycle.evaluation.intervals import ratio_intervals
from hemicycle.explanation.axes import CONTROLS, chance
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.studies.group_quality import MOST_GROUPS
from hemicycle.studies.probing import column, kind_of
from hemicycle.transforms.attributes import audience_side, numbered

EXPLANATIONS = "explanation_results"
"""Table: one row a record, attribute, measure, group and rank."""
COLUMNS = ["record_id", "k", "attribute", "measure", "group_by", "group", "rank", "value", "ci_low", "ci_high", "n"]
COLUMNS += [f"{control}{end}" for control in CONTROLS for end in ("", "_low", "_high")]
WHOLE = 0
"""Rank that stands for the whole list."""
Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


# -- sides and groups ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Ends:
    """The two ends of an attitude, and who and what stands there.

    Args:
        names: of the ends, e.g. ``below median`` and ``above median``, or the two (most frequent) classes.
        users: 0, 1 or ``UNKNOWN``, shape (n_users,).
        items: likewise, shape (n_items,).
    """

    names: tuple[str, ...]
    users: Codes
    items: Codes

    @classmethod
    def of(cls, dataset: Dataset, graph: InteractionGraph, label: str, margin: float) -> "Ends":
        """Return the ends of a users' label.

        Items stand where their own column of the same name says; without one at their audience's end.

        Args:
            dataset: users and items.
            graph: who took what.
            label: of users; a number of many values is cut at the median.
            margin: how clearly an audience must lean, see :func:`hemicycle.transforms.attributes.audience_side`.
        """
        values = pd.Series(column(dataset.users, label))
        cut = float(values.median()) if kind_of(dataset.users, label) == "number" and values.nunique() > 2 else None
        texts = _texts(values, cut)
        frequent = pd.Series(texts).value_counts(sort=False).sort_index()
        top = frequent.sort_values(ascending=False, kind="stable").index[:2]
        names = ("below median", "above median") if cut is not None else tuple(sorted(top))
        users = numbered(texts, names)
        if graph.social:
            return cls(names, users, users)
        if dataset.items is not None and label in dataset.items.column_names:
            return cls(names, users, numbered(_texts(pd.Series(column(dataset.items, label)), cut), names))
        return cls(names, users, audience_side(graph, users, margin))


def _texts(values: pd.Series, cut: float | None) -> NDArray[Any]:
    """Values as texts, None where missing; numbers by the side of a cut where there is one."""
    if cut is not None:
        number = values.to_numpy(np.float64)
        sides = np.where(number > cut, "above median", "below median").astype(object)
        sides[~np.isfinite(number)] = None
        return np.asarray(sides)
    plain = [None if pd.isna(v) else f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    return np.array(plain, object)


Grouping = tuple[tuple[str, ...], Codes]
"""Names of groups, and the group of each user in question, ``UNKNOWN`` where missing."""


def groupings(dataset: Dataset, users: NDArray[np.integer], label: str, ends: Ends) -> dict[str, Grouping]:
    """Column -> groups of some users: all of them, the ends of the attitude, and every column of groups."""
    found: dict[str, Grouping] = {"": (("",), np.zeros(len(users), np.int32)), label: (ends.names, ends.users[users])}
    for name in with_role(dataset.users, "group"):
        texts = _texts(pd.Series(column(dataset.users, name)), None)
        names = tuple(sorted({text for text in texts[users] if text is not None}))
        if name != label and 1 < len(names) <= MOST_GROUPS:
            found[name] = names, numbered(texts[users], names)
    return found


# -- measures --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of each user, as terms of ratios.

    Args:
        names: measure and rank (``WHOLE`` for a whole list) of each column.
        above: numerators, shape (n, m).
        below: denominators, 0 where nothing is known, shape (n, m).
    """

    names: tuple[tuple[str, int], ...]
    above: Floats
    below: Floats

    @classmethod
    def means(cls, values: Mapping[str, Floats]) -> "Measured":
        """Return what is one value a user, NaN where not known, whose mean is wanted."""
        stacked = np.stack(list(values.values()), 1)
        known = np.isfinite(stacked)
        names = tuple((name, WHOLE) for name in values)
        return cls(names, np.where(known, stacked, 0.0), known.astype(np.float64))

    @classmethod
    def ratios(cls, measure: str, above: Floats, below: Floats, *, ranks: bool = True) -> "Measured":
        """Return a ratio of sums over lists, and over what stands at each rank; terms of shape (n, k), NaN unknown."""
        known = np.isfinite(above) & np.isfinite(below)
        terms = [np.where(known, x, 0.0) for x in (above, below)]
        whole = [x.sum(1, keepdims=True) for x in terms]
        places = range(1, above.shape[1] + 1) if ranks else ()
        names = ((measure, WHOLE), *((measure, place) for place in places))
        if not ranks:
            return cls(names, *whole)
        return cls(names, *(np.concatenate([w, x], 1) for w, x in zip(whole, terms, strict=True)))

    def beside(self, other: "Measured") -> "Measured":
        """Return the measures of both."""
        pairs = ((self.above, other.above), (self.below, other.below))
        return Measured(self.names + other.names, *(np.concatenate(pair, 1) for pair in pairs))

    def of(self, rows: NDArray[np.bool_]) -> Floats:
        """Return the ratios over some users, shape (m,); NaN where the denominator is not positive."""
        above, below = self.above[rows].sum(0), self.below[rows].sum(0)
        return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))


Drawn = Mapping[str, Sequence[Measured]]
"""Control -> the same measures for each of its draws."""


def rows_of(
    measured: Measured, drawn: Drawn, groups: Mapping[str, Grouping], *, public: bool
) -> Iterator[dict[str, Any]]:
    """Yield one row a column of groups, group, measure and rank, with a bootstrap interval over users.

    Of people who are not public no group of fewer than K is shown, nor one that would give it away; groups of fewer
    have no interval.
    """
    for by, (names, codes) in groups.items():
        counts = np.array([(codes == code).sum() for code in range(len(names))], np.float64)
        hidden = np.zeros(len(names), bool) if public else hidden_cells(counts, [np.arange(len(names))])
        for code, name in enumerate(names):
            if counts[code] and not hidden[code]:
                chosen = codes == code
                yield from ({"group_by": by, "group": name, **row} for row in _of_group(measured, drawn, chosen))


def _of_group(measured: Measured, drawn: Drawn, chosen: NDArray[np.bool_]) -> Iterator[dict[str, Any]]:
    n = int(chosen.sum())
    above, below = measured.above[chosen], measured.below[chosen]
    fails = below.sum(0) <= 0
    intervals = ratio_intervals(np.where(fails, 0, above), np.where(fails, 0, below), rng("explanation intervals"))
    values = measured.of(chosen)
    controls = {name: chance([one.of(chosen) for one in ones]) for name, ones in drawn.items()}
    for place, (measure, rank) in enumerate(measured.names):
        low, high = (intervals[place].low, intervals[place].high) if n >= K else (np.nan, np.nan)
        row = {"measure": measure, "rank": rank, "value": values[place], "ci_low": low, "ci_high": high, "n": n}
        for name, ends in controls.items():
            row |= {f"{name}{end}": float(np.broadcast_to(x, values.shape)[place]) for end, x in _named(ends)}
        yield row


def _named(ends: tuple[Floats, Floats, Floats]) -> Iterator[tuple[str, Floats]]:
    return zip(("", "_low", "_high"), ends, strict=True)


QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def spread(measured: Measured, drawn: Drawn, *, public: bool) -> list[dict[str, Any]]:
    """Return how the first ratio is distributed over users: quantiles ``share_p10`` to ``share_p90`` of their own.

    Of people who are not public a quantile with fewer than K beyond it is left out.
    """
    own, drawn_own = _own(measured), {name: [_own(one) for one in ones] for name, ones in drawn.items()}
    n = int(np.isfinite(own).sum())
    rows = []
    for q in QUANTILES if n else ():
        if not public and n * min(q, 1 - q) < K:
            continue
        ends = {name: chance([np.asarray(np.nanquantile(one, q)) for one in ones]) for name, ones in drawn_own.items()}
        row = {"group_by": "", "group": "", "measure": f"share_p{round(100 * q)}", "rank": WHOLE, "n": n}
        row["value"] = float(np.nanquantile(own, q))
        rows.append(row | {f"{name}{end}": float(x) for name, three in ends.items() for end, x in _named(three)})
    return rows


def _own(measured: Measured) -> Floats:
    above, below = measured.above[:, 0], measured.below[:, 0]
    return np.asarray(np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0))
