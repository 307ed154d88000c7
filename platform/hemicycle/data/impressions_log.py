"""What is kept of an impression log that goes by piece after piece, whatever its layout."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.data.assembly import edge_table
from hemicycle.data.columns import Ids
from hemicycle.data.schema import Relation
from hemicycle.data.traces import Numbering, Rows, ids_in

Floats = NDArray[np.float64]
Entries = tuple[Rows, pa.Array]
"""Row numbers and ids of what stands in a column of lists."""


@dataclass(frozen=True)
class Views:
    """Some impressions.

    Args:
        users: who saw each.
        times: seconds; NaN where unknown.
        shown: what was shown.
        clicked: what was clicked.
        history: what had been clicked before, without times.
    """

    users: Ids
    times: Floats
    shown: Entries
    clicked: Entries
    history: Entries | None = None


@dataclass
class ImpressionLog:
    """Impressions and clicks, with users and items numbered as they come."""

    users: Numbering = field(default_factory=Numbering)
    items: Numbering = field(default_factory=Numbering)
    counts: Counter[str] = field(default_factory=Counter)
    _shown: list[dict[str, NDArray[Any]]] = field(default_factory=list)
    _clicks: list[pd.DataFrame] = field(default_factory=list)
    _next: int = 0

    def take(self, views: Views) -> None:
        """Keep some impressions; those without user, time or anything shown are counted and dropped."""
        numbers, users = self._numbers(views), self.users.add(views.users)
        rows, items = self._entries(views.shown, numbers)
        rows, items = self._once(rows, items)
        hit_rows, hits = self._entries(views.clicked, numbers)
        pairs, hit_pairs = (r * np.int64(len(self.items)) + i for r, i in ((rows, items), (hit_rows, hits)))
        unseen = ~np.isin(hit_pairs, pairs)
        self.counts["clicked items that were not shown"] += int(unseen.sum())
        clicked = np.isin(pairs, hit_pairs)
        self._shown.append(
            {
                "impression": numbers[rows],
                "user": users[rows].astype(np.int32),
                "item": items.astype(np.int32),
                "clicked": clicked,
                "time": views.times[rows],
            }
        )
        for at, what in ((rows[clicked], items[clicked]), (hit_rows[unseen], hits[unseen])):
            self._click(users[at], what, views.times[at])
        if views.history is not None:
            at, what = self._entries(views.history, numbers)
            self._click(users[at], what, np.full(len(at), np.nan))

    def remember(self, users: Ids, items: Entries, times: Floats | None) -> None:
        """Keep clicks of a time before the log; ``times`` has one number for each entry, or is None."""
        rows, what = items[0], self.items.add(ids_in(items[1]))
        who = self.users.add(users)[rows]
        kept = who >= 0
        known = np.full(len(rows), np.nan) if times is None else times
        self._click(who[kept], what[kept], known[kept])

    def _numbers(self, views: Views) -> Rows:
        """Number the impressions that count, -1 for others."""
        n = len(views.times)
        self.counts["impressions"] += n
        full = np.zeros(n, bool)
        full[views.shown[0]] = True
        lacks = {
            "without a user": views.users.codes < 0,
            "without a time": ~np.isfinite(views.times),
            "that show nothing": ~full,
        }
        kept = np.ones(n, bool)
        for lack, rows in lacks.items():
            self.counts[lack] += int((kept & rows).sum())
            kept &= ~rows
        numbers = np.where(kept, self._next + np.cumsum(kept) - 1, -1)
        self._next += int(kept.sum())
        return numbers

    def _entries(self, entries: Entries, numbers: Rows) -> tuple[Rows, Rows]:
        """Return rows and item numbers of the entries of impressions that count."""
        rows, kept = entries[0], numbers[entries[0]] >= 0
        return rows[kept], self.items.add(ids_in(entries[1].filter(pa.array(kept))))

    def _once(self, rows: Rows, items: Rows) -> tuple[Rows, Rows]:
        """Leave out what an impression shows a second time."""
        again = pd.Series(rows * np.int64(max(1, len(self.items))) + items).duplicated().to_numpy()
        self.counts["items shown twice in one impression"] += int(again.sum())
        return rows[~again], items[~again]

    def _click(self, users: Rows, items: Rows, times: Floats) -> None:
        frame = pd.DataFrame({"user": users, "item": items, "time": times})
        self._clicks.append(_first(frame))
        if len(self._clicks) > 64:
            self._clicks = [_first(pd.concat(self._clicks))]

    @property
    def start(self) -> float:
        """Earliest time that is known of anything."""
        shown = [float(part["time"].min()) for part in self._shown if len(part["time"])]
        clicks = [float(part["time"].min()) for part in self._clicks if part["time"].notna().any()]
        return min([*shown, *clicks], default=0.0)

    def shown(self, users: Rows, items: Rows) -> pa.Table:
        """Return the impressions by rows of users and items.

        Args:
            users: row of every user's number.
            items: row of every item's number.
        """
        whole = {name: np.concatenate([part[name] for part in self._shown]) for name in self._shown[0]}
        rows = {"user": users.astype(np.int32)[whole["user"]], "item": items.astype(np.int32)[whole["item"]]}
        return pa.table({name: rows.get(name, column) for name, column in whole.items()})

    def clicks(self, users: Rows, items: Rows) -> Relation:
        """Return who clicked what, at the first time that is known, or at the start of the log where none is."""
        frame = _first(pd.concat(self._clicks))
        self.counts["clicks without a time"] += int(frame["time"].isna().sum())
        who, what = users[frame["user"]], items[frame["item"]]
        order = np.lexsort((what, who))
        times = frame["time"].fillna(self.start).to_numpy()
        return Relation(edge_table(who[order], what[order], time=times[order]))

    @property
    def empty(self) -> bool:
        """Whether nothing was shown, or nothing clicked."""
        return not any(len(part["item"]) for part in self._shown) or not any(len(part) for part in self._clicks)

    def first_shown(self) -> Floats:
        """First time at which each item number was shown, NaN where it never was."""
        first = np.full(len(self.items), np.inf)
        for part in self._shown:
            np.minimum.at(first, part["item"], part["time"])
        return np.where(np.isfinite(first), first, np.nan)


def _first(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each user and item once, at the earliest known time.

    The history of a later part of a log repeats, without times, clicks that an earlier part tells with theirs.
    """
    return frame.groupby(["user", "item"], as_index=False).agg({"time": "min"})
