"""Impression logs: what users were shown, what they clicked of it, and what they had clicked before.

.. code-block:: yaml

    source: impressions
    layout: mind
    path: [MINDsmall_train, MINDsmall_dev]

Layouts: ``mind`` (Wu et al. 2020, *MIND: A large-scale dataset for news recommendation*, ACL), ``eb_nerd`` (Kruse et
al. 2024, *EB-NeRD: A large-scale dataset for news recommendation*, RecSys Challenge), and ``generic``. The relation
``clicks`` holds each user and item once, at the first click; clicks of a history without times get the earliest time of
the log, so that a split by time learns from them. Items carry ``title``, ``abstract``, ``category`` and ``published``
where these are known, and ``first_shown``; times are in seconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.paths import find_folder
from hemicycle.data.assembly import Column, node_table
from hemicycle.data.attribute_tables import attribute_files, attribute_problems, joined
from hemicycle.data.batches import Batch, RecordFile
from hemicycle.data.columns import ids_of, in_order, locate, seconds
from hemicycle.data.impressions_files import (
    EB,
    EB_ARTICLES,
    EB_HISTORY,
    MIND,
    MIND_NEWS,
    articles,
    laid,
    mind_entries,
    mind_times,
    remember,
)
from hemicycle.data.impressions_log import ImpressionLog, Views
from hemicycle.data.impressions_options import ImpressionsConfig
from hemicycle.data.schema import Dataset
from hemicycle.data.traces import listed


@dataclass(frozen=True)
class _Part:
    """Files of one folder: the log, what was clicked before it, and what is known of the items."""

    log: RecordFile
    history: RecordFile | None
    items: RecordFile | None

    def files(self) -> list[Path]:
        """Paths of those that there are."""
        return [file.path for file in (self.log, self.history, self.items) if file is not None]


class ImpressionSource:
    """Source of impression logs: relation ``clicks`` and the data set's impressions.

    Args:
        config: where the files are and how they are laid out.
    """

    Config = ImpressionsConfig
    citations = (
        "Wu et al. (2020): MIND: A large-scale dataset for news recommendation. ACL",
        "Kruse et al. (2024): EB-NeRD: A large-scale dataset for news recommendation. RecSys Challenge",
    )

    def __init__(self, config: ImpressionsConfig) -> None:
        self.config = config

    def files(self) -> list[Path]:
        """Paths of all files; raises for every missing file and column."""
        parts = self._parts()
        raise_problems(problem for part in parts for problem in self._missing(part))
        raise_problems(attribute_problems(self.config.attributes))
        others = attribute_files(self.config.attributes)
        return list(dict.fromkeys([*(path for part in parts for path in part.files()), *others]))

    def read(self) -> Dataset:
        """Read everything, piece by piece.

        Raises:
            InputError: a file is damaged, a time cannot be read, or nothing is shown or clicked.
        """
        self.files()
        log, parts = ImpressionLog(), self._parts()
        for part in parts:
            for batch in part.log.batches(self._wanted().values()):
                log.take(self._views(part.log, batch))
            if part.history is not None:
                remember(log, part.history)
        if log.empty:
            where = ", ".join(str(part.log.path) for part in parts)
            raise InputError(
                "nothing is shown, or nothing is clicked", where, "a test part without clicks is of no use"
            )
        files = dict.fromkeys(part.items for part in parts if part.items is not None)
        return self._dataset(log, articles(list(files), self._item_columns()))

    # -- where the files are -----------------------------------------------------------------------------------------

    def _parts(self) -> list[_Part]:
        problems: list[Problem] = []
        parts = []
        for path in self.config.path:
            try:
                parts.append(self._part(path))
            except InputError as error:
                problems += error.problems
        raise_problems(problems)
        return parts

    def _part(self, path: str) -> _Part:
        if self.config.layout == "generic":
            items = self.config.items
            return _Part(RecordFile(locate(path)), None, None if items is None else RecordFile(locate(items.path)))
        folder = find_folder(path)
        if folder is None:
            raise InputError(f"there is no folder {path!r}", remedy="name the folder that holds the log")
        if self.config.layout == "mind":
            news = RecordFile(_in(folder / "news.tsv"), names=MIND_NEWS)
            return _Part(RecordFile(_in(folder / "behaviors.tsv"), names=MIND), None, news)
        history = folder / "history.parquet"
        articles = _in(folder / "articles.parquet", folder.parent / "articles.parquet")
        own = RecordFile(history) if history.is_file() else None
        return _Part(RecordFile(_in(folder / "behaviors.parquet")), own, RecordFile(articles))

    def _wanted(self) -> dict[str, str]:
        """Key -> column of the log."""
        if self.config.layout == "mind":
            return {name: name for name in MIND[1:]}
        return EB if self.config.layout == "eb_nerd" else self.config.columns.named()

    def _item_columns(self) -> dict[str, str]:
        """Key -> column of what is known of the items."""
        if self.config.layout == "mind":
            return {name: name for name in MIND_NEWS[:5]}
        return EB_ARTICLES if self.config.items is None else self.config.items.named()

    def _missing(self, part: _Part) -> Iterator[Problem]:
        yield from part.log.missing(self._wanted())
        if part.history is not None:
            yield from part.history.missing(EB_HISTORY)
        if part.items is not None:
            yield from part.items.missing(self._item_columns())

    # -- what they hold ----------------------------------------------------------------------------------------------

    def _views(self, file: RecordFile, batch: Batch) -> Views:
        columns = {key: batch.table[name] for key, name in self._wanted().items() if name in batch.table.column_names}
        absent = [name for key, name in self._wanted().items() if key not in columns and key != "history"]
        if absent:
            raise InputError(f"no record has {', '.join(map(repr, absent))}", str(file.path), "correct 'columns'")
        mind = self.config.layout == "mind"
        values, bad = mind_times(columns["time"]) if mind else seconds(columns["time"])
        form = "like 11/15/2019 8:55:22 AM" if mind else "numbers (seconds) or ISO 8601 dates"
        rows = np.flatnonzero(bad) + batch.first
        raise_problems(file.problem("are no times", self._wanted()["time"], rows, f"write {form}"))
        users = ids_of(columns["user"])
        if mind:
            shown, clicked = mind_entries(file, batch, listed(columns["impressions"], " "))
            return Views(users, values, shown, clicked, listed(columns["history"], " "))
        cut = self.config.list_separator
        history = listed(columns["history"], cut) if "history" in columns else None
        return Views(users, values, listed(columns["shown"], cut), listed(columns["clicked"], cut), history)

    # -- what comes out ----------------------------------------------------------------------------------------------

    def _dataset(self, log: ImpressionLog, known: Mapping[str, pa.ChunkedArray]) -> Dataset:
        users, items = in_order(log.users.numbers), in_order(log.items.numbers)
        places = log.users.places(users), log.items.places(items)
        clicks = log.clicks(*places)
        found, notes = laid(known, items)
        first = np.full(len(items), np.nan)
        first[places[1]] = log.first_shown()
        found["first_shown"] = Column(pa.array(first, mask=np.isnan(first)), "covariate")
        user_columns, about_users = joined(self.config.attributes, "users", users)
        item_columns, about_items = joined(self.config.attributes, "items", items)
        return Dataset(
            self.config.name,
            node_table(users, user_columns, "users", public=self.config.public),
            node_table(items, {**found, **item_columns}, "items", public=self.config.items_public),
            {"clicks": clicks},
            self.config.public,
            (*_counted(log), *notes, *about_users, *about_items),
            log.shown(*places),
        )


def _counted(log: ImpressionLog) -> Iterator[str]:
    counts = log.counts
    yield f"{counts['impressions']} impressions read"
    for lack in ("without a user", "without a time", "that show nothing"):
        if counts[lack]:
            yield f"{counts[lack]} impressions {lack} dropped"
    if counts["items shown twice in one impression"]:
        yield f"{counts['items shown twice in one impression']} items shown twice in one impression counted once"
    if counts["clicked items that were not shown"]:
        yield f"{counts['clicked items that were not shown']} clicked items that were not shown kept as clicks only"
    if counts["clicks without a time"]:
        yield f"{counts['clicks without a time']} clicks of histories without times given the earliest time of the log"


def _in(*places: Path) -> Path:
    """Return the first of these files that there is."""
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        where = " or ".join(str(place.parent) for place in places)
        raise InputError(f"there is no file {places[0].name!r}", where, "name the folder that holds it, or the layout")
    return found
