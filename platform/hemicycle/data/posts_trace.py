"""What is kept of posts that go by piece after piece."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hemicycle.core.errors import raise_problems
from hemicycle.data.batches import Batch, RecordFile
from hemicycle.data.columns import TEXT, ids_of, numbers, seconds
from hemicycle.data.outlets import Outlets, domains, normalised
from hemicycle.data.posts_options import COLUMN_OF, Kind, PostsConfig
from hemicycle.data.traces import EdgeCounts, Numbering, Rows, Seen, TextPool, ids_in, listed


@dataclass(frozen=True)
class _Piece:
    """Posts that count.

    Args:
        columns: key -> column, for every key that the file has.
        authors: number of each post's author.
        times: seconds, or None.
        passed: posts that only pass another on.
    """

    columns: Mapping[str, pa.ChunkedArray]
    authors: Rows
    times: NDArray[np.float64] | None
    passed: NDArray[np.bool_]


@dataclass
class PostTrace:
    """Edges and texts of the posts that went by.

    Args:
        config: what is asked for.
        outlets: who publishes what, or None.
    """

    config: PostsConfig
    outlets: Outlets | None
    users: Numbering = field(default_factory=Numbering)
    items: Numbering = field(default_factory=Numbering)
    authors: set[int] = field(default_factory=set)
    edges: dict[Kind, EdgeCounts] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    _seen: Seen = field(default_factory=Seen)

    def __post_init__(self) -> None:
        self.edges = {kind: EdgeCounts() for kind in self.config.relations}
        self.item_texts = TextPool(self.config.shares.texts, self.config.shares.text_authors)
        self.user_texts = TextPool(self.config.user_texts)

    def take(self, file: RecordFile, batch: Batch) -> None:
        """Count what one piece of a file holds.

        Raises:
            InputError: times are neither numbers nor dates; with their lines.
        """
        piece = self._piece(file, batch)
        if piece is None:
            return
        self.authors.update(np.unique(piece.authors).tolist())
        for kind in self.config.relations:
            if kind == "shares":
                self._shares(piece)
            elif COLUMN_OF[kind] in piece.columns:
                self._among_users(kind, piece)
        if self.config.user_texts and "text" in piece.columns:
            own = np.where(piece.passed, -1, piece.authors)
            self.user_texts.add(own, piece.authors, _whole(piece.columns["text"]))

    def _piece(self, file: RecordFile, batch: Batch) -> _Piece | None:
        names = {key: name for key, name in self.config.wanted().items() if name in batch.table.column_names}
        columns = {key: batch.table[name] for key, name in names.items()}
        times = _times(file, batch, names.get("time"))
        kept = self._kept(columns, batch.table.num_rows, times)
        if not kept.any():
            return None
        columns = {key: column.filter(pa.array(kept)) for key, column in columns.items()}
        passed = _filled(columns.get("retweeted"), int(kept.sum()))
        authors = self.users.add(ids_of(columns["author"]))
        return _Piece(columns, authors, None if times is None else times[kept], passed)

    def _kept(
        self, columns: Mapping[str, pa.ChunkedArray], n_rows: int, times: NDArray[np.float64] | None
    ) -> NDArray[np.bool_]:
        """Tell which posts count, and count the others by what they lack."""
        self.counts["posts"] += n_rows
        kept = _filled(columns.get("author"), n_rows)
        self.counts["without an author"] += int((~kept).sum())
        if self.config.columns.time is not None:
            known = np.zeros(n_rows, bool) if times is None else np.isfinite(times)
            self.counts["without a time"] += int((kept & ~known).sum())
            kept &= known
        if "post" in columns:
            fresh = self._seen.new(columns["post"])
            self.counts["that stand twice"] += int((kept & ~fresh).sum())
            kept &= fresh
        return kept

    def _among_users(self, kind: Kind, piece: _Piece) -> None:
        rows, texts = listed(piece.columns[COLUMN_OF[kind]], self.config.list_separator if kind == "mentions" else None)
        targets = self.users.add(ids_in(texts))
        own = np.ones(len(rows), bool) if kind == "retweets" else ~piece.passed[rows]
        self.counts[f"{kind} of a post that is passed on"] += int((~own).sum())
        loops = own & (targets == piece.authors[rows])
        self.counts[f"{kind} of oneself"] += int(loops.sum())
        self._add(kind, piece, rows[own & ~loops], targets[own & ~loops])

    def _add(self, kind: Kind, piece: _Piece, rows: Rows, targets: Rows) -> None:
        times = None if piece.times is None else piece.times[rows]
        self.edges[kind].add(piece.authors[rows], targets, times)

    def _shares(self, piece: _Piece) -> None:
        if "links" not in piece.columns:
            return
        rows, links = listed(piece.columns["links"], self.config.list_separator)
        if not self.config.reshared:
            own = ~piece.passed[rows]
            rows, links = rows[own], links.filter(pa.array(own))
        encoded = links.dictionary_encode()
        known = self.items.add(ids_in(self._items(encoded)))
        targets = known[encoded.indices.to_numpy()]
        kept = targets >= 0
        self._add("shares", piece, rows[kept], targets[kept])
        if self.config.shares.texts and "text" in piece.columns:
            texts = _whole(piece.columns["text"]).take(pa.array(rows[kept]))
            self.item_texts.add(targets[kept], piece.authors[rows[kept]], texts)

    def _items(self, encoded: pa.DictionaryArray) -> pa.Array:
        """Return the item of each distinct link, empty where it is none."""
        links, options = encoded.dictionary, self.config.shares
        found = normalised(links) if options.item == "url" else domains(links)
        times = np.bincount(encoded.indices.to_numpy(), minlength=len(links))
        broken = found.is_null().to_numpy(zero_copy_only=False)
        self.counts["links that are no address"] += int(times[broken].sum())
        if self.outlets is None:
            return found.fill_null("")
        outlets = self.outlets.find(links)
        lost = (outlets < 0) & ~broken
        self.counts["links of no outlet"] += int(times[lost].sum())
        if options.outlets is not None and options.outlets.unmatched == "drop":
            found = pc.if_else(pa.array(lost), None, found)
        if options.item == "outlet":
            names = pa.array([*self.outlets.names, None], TEXT).take(pa.array(outlets % (len(self.outlets.names) + 1)))
            found = pc.coalesce(names, found)
        return found.fill_null("")


def _filled(column: pa.ChunkedArray | None, n_rows: int) -> NDArray[np.bool_]:
    """Tell which rows hold anything."""
    if column is None:
        return np.zeros(n_rows, bool)
    text = pc.utf8_trim_whitespace(column.cast(TEXT)).fill_null("")
    return np.asarray(pc.not_equal(text, "").to_numpy(), bool)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.cast(TEXT).chunks) if column.num_chunks else pa.array([], TEXT)


def _times(file: RecordFile, batch: Batch, column: str | None) -> NDArray[np.float64] | None:
    if column is None:
        return None
    values, bad = seconds(batch.table[column])
    no_number = numbers(batch.table[column])[1] if bad.any() else bad
    bad = no_number if no_number.sum() < bad.sum() else bad
    remedy = "write numbers (seconds), 2024-05-31 or 2024-05-31T12:00:00"
    rows = np.flatnonzero(bad) + batch.first
    raise_problems(file.problem("are neither numbers nor ISO 8601 dates", column, rows, remedy))
    return values
