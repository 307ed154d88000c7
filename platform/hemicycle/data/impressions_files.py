"""Files of impression logs in the layouts in which they are published."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hemicycle.core.errors import raise_problems
from hemicycle.data.assembly import Column
from hemicycle.data.batches import Batch, RecordFile
from hemicycle.data.columns import TEXT, blank_to_null, ids_of, seconds
from hemicycle.data.impressions_log import Entries, Floats, ImpressionLog
from hemicycle.data.schema import Role
from hemicycle.data.traces import listed

MIND = ("impression", "user", "time", "history", "impressions")
MIND_NEWS = ("id", "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities")
_TIME_FORMAT = "%m/%d/%Y %I:%M:%S %p"
EB = {
    "user": "user_id",
    "time": "impression_time",
    "shown": "article_ids_inview",
    "clicked": "article_ids_clicked",
}
EB_HISTORY = {"user": "user_id", "items": "article_id_fixed", "times": "impression_time_fixed"}
EB_ARTICLES = {
    "id": "article_id",
    "title": "title",
    "abstract": "subtitle",
    "category": "category_str",
    "published": "published_time",
}
_ROLES: dict[str, Role] = {"title": "text", "abstract": "text", "category": "covariate", "subcategory": "covariate"}


def mind_times(column: pa.ChunkedArray) -> tuple[Floats, NDArray[np.bool_]]:
    """Return seconds since 1970 of times such as ``11/15/2019 8:55:22 AM``, NaN where empty, and which are none."""
    raw = pd.Series(blank_to_null(column).to_pylist(), dtype=object)
    times = pd.to_datetime(raw, format=_TIME_FORMAT, errors="coerce", utc=True)
    elapsed = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return np.asarray(elapsed, np.float64), np.asarray(times.isna() & raw.notna(), bool)


def mind_entries(file: RecordFile, batch: Batch, tokens: Entries) -> tuple[Entries, Entries]:
    """Split ``N1-0 N2-1`` into what was shown and what was clicked.

    Raises:
        InputError: an entry does not say whether it was clicked.
    """
    rows, texts = tokens
    good = pc.match_substring_regex(texts, "^.+-[01]$").to_numpy(zero_copy_only=False)
    bad = np.unique(rows[~good]) + batch.first
    remedy = "write N1-0 for shown and N1-1 for clicked; the test part is published without"
    raise_problems(file.problem("do not say what was clicked", "impressions", bad, remedy))
    ids = pc.replace_substring_regex(texts, "-[01]$", "")
    hits = pc.ends_with(texts, "-1")
    return (rows, ids), (rows[hits.to_numpy(zero_copy_only=False)], ids.filter(hits))


def remember(log: ImpressionLog, file: RecordFile) -> None:
    """Read the clicks before an EB-NeRD log.

    Raises:
        InputError: a user has not as many times as articles.
    """
    for batch in file.batches(EB_HISTORY.values()):
        items, times = (batch.table[EB_HISTORY[key]] for key in ("items", "times"))
        lengths = [pc.list_value_length(column).fill_null(0).to_numpy() for column in (items, times)]
        rows = np.flatnonzero(lengths[0] != lengths[1]) + batch.first
        remedy = "one time for each article"
        raise_problems(file.problem("are lists of another length", EB_HISTORY["times"], rows, remedy))
        when = pa.chunked_array([pc.list_flatten(chunk) for chunk in times.chunks], times.type.value_type)
        entries, known = listed(items, None), pc.list_flatten(items).is_valid().to_numpy()
        log.remember(ids_of(batch.table[EB_HISTORY["user"]]), entries, seconds(when)[0][known])


def articles(files: Sequence[RecordFile], columns: Mapping[str, str]) -> dict[str, pa.ChunkedArray]:
    """Read what is known of items from all files, columns by key.

    Raises:
        InputError: a time of publication is none.
    """
    parts: list[pa.Table] = []
    for file in files:
        for batch in file.batches(columns.values()):
            found = {key: batch.table[name] for key, name in columns.items() if name in batch.table.column_names}
            parts.append(pa.table({key: _known(file, batch, key, column) for key, column in found.items()}))
    whole = pa.concat_tables(parts, promote_options="default") if parts else pa.table({})
    return {name: whole[name] for name in whole.column_names}


def _known(file: RecordFile, batch: Batch, key: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if key == "id":
        return column.cast(TEXT)
    if key != "published":
        return blank_to_null(column)
    times, bad = seconds(column)
    rows = np.flatnonzero(bad) + batch.first
    raise_problems(file.problem("are no times", "published", rows, "write numbers (seconds) or ISO 8601 dates"))
    return pa.chunked_array([pa.array(times, mask=np.isnan(times))])


def laid(known: Mapping[str, pa.ChunkedArray], order: Sequence[str]) -> tuple[dict[str, Column], list[str]]:
    """Lay what is known of items on their order; of an item that stands twice the first row counts.

    Returns:
        The columns, and notes on items of which nothing is known and on rows that belong to none.
    """
    if "id" not in known:
        return {}, []
    ids = ids_of(known["id"])
    position = {value: row for row, value in enumerate(order)}
    places = ids.at(position)
    rows = np.full(len(order), -1, np.int64)
    used = np.flatnonzero(places >= 0)[::-1]
    rows[places[used]] = used
    indices = pa.array(rows, mask=rows < 0)
    columns = {
        key: Column(column.combine_chunks().take(indices), _ROLES.get(key, "covariate"))
        for key, column in known.items()
        if key != "id"
    }
    without, spare = int((rows < 0).sum()), len(ids.values) - int((rows >= 0).sum())
    notes = [f"{without} of {len(order)} items are described nowhere"] if without else []
    return columns, [*notes, *([f"{spare} described items that nobody was shown dropped"] if spare else [])]
