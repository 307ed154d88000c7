"""What is kept while a stream of records goes by: numbered ids, counted edges, a few texts, what was seen before."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hemicycle.data.columns import TEXT, Ids, ids_of

Rows = NDArray[np.int64]
_HANDLES = r"(?:https?://\S+)|(?:(?:^|\s)[@\x{ff20}]\S+)|(?:^RT\b)"


@dataclass
class Numbering:
    """Numbers ids in the order in which they come."""

    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, ids: Ids) -> Rows:
        """Return each row's number, -1 where there is no id; new ids get the next numbers."""
        used = np.unique(ids.codes[ids.codes >= 0])
        names = ids.values  # noqa: PD011 - a field of ours, not pandas'
        found = np.full(len(names) + 1, -1, np.int64)
        found[used] = [self.numbers.setdefault(names[code], len(self.numbers)) for code in used]
        return np.asarray(found[ids.codes])

    def __len__(self) -> int:
        return len(self.numbers)

    def places(self, order: Sequence[str]) -> Rows:
        """Return the place in an order of every number; -1 where it is not in it."""
        place = np.full(len(self.numbers), -1, np.int64)
        place[[self.numbers[value] for value in order]] = np.arange(len(order))
        return place


@dataclass
class EdgeCounts:
    """Distinct edges with how often and when last they came."""

    parts: list[pd.DataFrame] = field(default_factory=list)
    pending: int = 0

    def add(self, sources: Rows, targets: Rows, times: NDArray[np.float64] | None) -> None:
        """Count edges; all arguments have shape (n,)."""
        frame = pd.DataFrame({"user": sources, "item": targets, "weight": 1.0})
        frame["time"] = np.nan if times is None else times
        self.parts.append(_summed(frame))
        self.pending += len(self.parts[-1])
        if len(self.parts) > 2 and self.pending > 2 * len(self.parts[0]) + (1 << 22):
            self.parts = [_summed(pd.concat(self.parts))]
            self.pending = len(self.parts[0])

    def table(self) -> pd.DataFrame:
        """Columns ``user``, ``item``, ``weight`` and ``time`` in the order of the first two."""
        empty = pd.DataFrame({"user": [], "item": [], "weight": [], "time": []})
        return _summed(pd.concat(self.parts)) if self.parts else empty.astype({"user": np.int64, "item": np.int64})


def _summed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.groupby(["user", "item"], as_index=False).agg({"weight": "sum", "time": "max"})


@dataclass
class TextPool:
    """The first texts of each of many owners.

    Args:
        most: texts kept of each.
        writers: an owner's texts count for nothing unless so many different people wrote them.
    """

    most: int
    writers: int = 1
    parts: list[pd.DataFrame] = field(default_factory=list)
    counts: Rows = field(default_factory=lambda: np.zeros(0, np.int64))

    def add(self, owners: Rows, writers: Rows, texts: pa.Array) -> None:
        """Keep texts, each of one owner and one writer; a writer's second text on the same owner is left out."""
        frame = pd.DataFrame({"owner": owners, "writer": writers, "row": np.arange(len(owners))})
        frame = frame[(frame["owner"] >= 0) & texts.is_valid().to_numpy(zero_copy_only=False)]
        frame = frame.drop_duplicates(["owner", "writer"]) if self.writers > 1 else frame
        room = self.most - self._so_far(frame["owner"].to_numpy())
        frame = frame[frame.groupby("owner").cumcount().to_numpy() < room]
        np.add.at(self.counts, frame["owner"].to_numpy(), 1)
        self.parts.append(frame.assign(text=without_handles(texts.take(pa.array(frame["row"]))).to_pylist()))

    def _so_far(self, owners: Rows) -> Rows:
        missing = int(owners.max(initial=-1)) + 1 - len(self.counts)
        self.counts = np.concatenate([self.counts, np.zeros(max(0, missing), np.int64)])
        return np.asarray(self.counts[owners])

    def texts(self, n_owners: int) -> pa.Array:
        """Return all texts of each owner, one after the other; missing where there are too few writers."""
        out: list[str | None] = [None] * n_owners
        frame = pd.concat(self.parts) if self.parts else pd.DataFrame({"owner": [], "writer": [], "text": []})
        for owner, own in frame.groupby("owner"):
            if own["writer"].nunique() >= self.writers:
                out[int(str(owner))] = " ".join(dict.fromkeys(own["text"]))
        return pa.array(out, TEXT)


def without_handles(texts: pa.Array) -> pa.Array:
    """Return texts without addresses and without the handles of accounts."""
    bare = pc.replace_substring_regex(texts, _HANDLES, " ")
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(bare, r"\s+", " "))


@dataclass
class Seen:
    """Ids that came before, as 64-bit hashes in sorted runs; a run is merged with one no longer than itself."""

    runs: list[NDArray[np.uint64]] = field(default_factory=list)

    def new(self, ids: pa.ChunkedArray) -> NDArray[np.bool_]:
        """Tell which rows come for the first time, shape (n,); a row without id always does."""
        text = np.array(ids.cast(TEXT).to_pylist(), object)
        known = np.array([value is not None and value != "" for value in text], bool)
        hashes = pd.util.hash_array(np.where(known, text, ""), categorize=False)
        fresh = ~pd.Series(hashes).duplicated().to_numpy()
        for run in self.runs:
            place = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            fresh &= run[place] != hashes
        self._keep(np.sort(hashes[fresh & known]))
        return np.asarray(fresh | ~known)

    def _keep(self, run: NDArray[np.uint64]) -> None:
        while self.runs and len(self.runs[-1]) <= len(run):
            run = np.sort(np.concatenate([self.runs.pop(), run]), kind="stable")
        if len(run):
            self.runs.append(run)


def listed(column: pa.ChunkedArray | pa.Array, separator: str | None) -> tuple[Rows, pa.Array]:
    """Return the entries of lists (or of texts that a separator cuts) as row numbers and texts; empty ones go."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
        rows, flat = pc.list_parent_indices(array).to_numpy(), pc.list_flatten(array).cast(TEXT)
    elif separator is None:
        rows, flat = np.arange(len(array)), array.cast(TEXT)
    else:
        split = pc.split_pattern(array.cast(TEXT), separator)
        rows, flat = pc.list_parent_indices(split).to_numpy(), pc.list_flatten(split)
    flat = pc.utf8_trim_whitespace(flat).fill_null("")
    kept = pc.not_equal(flat, "")
    return np.asarray(rows, np.int64)[kept.to_numpy(zero_copy_only=False)], flat.filter(kept)


def ids_in(texts: pa.Array) -> Ids:
    """Encode ids."""
    return ids_of(pa.chunked_array([texts], TEXT))
