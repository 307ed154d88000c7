"""Topics found in texts: a table of (time, group, text) becomes attention.

A group's attention to a topic at a time is the mean, over the group's documents, of the topic's weight in a document
(or the share of documents whose heaviest topic it is). Documents without a word that counts do not count. Texts are
personal data: no table and no message holds one.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.cells import group_rows, no_id, read_times, rows_of, within
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.grid import on_grid
from hemicycle.agenda.attention.stability import stability
from hemicycle.agenda.attention.topic_labels import TopicNames, name_topics
from hemicycle.agenda.attention.topic_models import TopicModel, best_first, fit
from hemicycle.agenda.attention.topic_options import TopicOptions
from hemicycle.agenda.attention.topic_words import Words, coherence, top_words, words_of
from hemicycle.core.errors import raise_problems
from hemicycle.data.columns import ID, TEXT, TableFile, ids_of, locate

_IN_NAME = 3


@dataclass(frozen=True, eq=False)
class Documents:
    """Texts with their time and group.

    Args:
        times: seconds since 1970 (UTC), shape (n,).
        group: position in ``groups``, shape (n,).
        texts: n texts.
        groups: names.
    """

    times: NDArray[np.int64]
    group: NDArray[np.int64]
    texts: list[str]
    groups: tuple[str, ...]


def topics_of_texts(config: AttentionConfig, seed: int = 0) -> tuple[Attention, dict[str, pd.DataFrame]]:
    """Find topics in texts and measure attention to them.

    Returns:
        Attention, and the tables ``agenda_topics`` (topic, rank, word, weight, coherence, stability, label, category,
        converged) and ``agenda_documents`` (document: row of the file from 0 among those that are kept, time, group,
        topic, weight).

    Raises:
        InputError: problems of the file, too few texts or words, labels of another model.
    """
    options = config.topic_model
    documents = read_documents(config)
    places, grid = on_grid(config, documents.times)
    words = words_of(documents.texts, options.words, config.file)
    model, *others = best_first([fit(words, documents.texts, options, seed, start) for start in range(options.seeds)])
    top = top_words(model.words, options.top_words)
    lists = [[words.words[at] for at in row] for row in top]
    names = name_topics(options.labels, lists) if options.labels else TopicNames(("",) * len(top), ("",) * len(top))
    shares = _shares(model.documents, places, documents, (len(grid), options))
    topics = tuple(str(row + 1) for row in range(len(top)))
    labels = tuple(given or ", ".join(row[:_IN_NAME]) for given, row in zip(names.labels, lists, strict=True))
    categories = names.categories if any(names.categories) else ()
    attention = Attention(shares, topics, documents.groups, grid, 0.0, labels, categories)
    quality = (coherence(words, top), stability(model.words, [o.words for o in others], options.top_words))
    tables = {
        "agenda_topics": _topic_table(attention, model, words, (top, *quality)),
        "agenda_documents": _document_table(attention, model, documents, places),
    }
    return attention, tables


def read_documents(config: AttentionConfig) -> Documents:
    """Read texts of the groups and the period that are asked for; empty ones are left out.

    Raises:
        InputError: missing columns, unreadable dates, unknown groups.
    """
    columns, file = config.columns, TableFile(locate(config.file), config.separator)
    named = {"time": columns.time, "group": columns.group, "text": columns.text}
    raise_problems(file.missing({f"columns.{key}": name for key, name in named.items()}))
    table = rows_of(file, {columns.time: TEXT, columns.group: ID, columns.text: TEXT})
    group = ids_of(table[columns.group])
    times, problems = read_times(file, config, table[columns.time])
    raise_problems([*problems, *no_id(file, columns.group, group)])
    rows, names = group_rows(config, group)
    period = within(config, times)
    kept = np.flatnonzero((rows >= 0) & (True if period is None else period))
    texts = table[columns.text].cast(TEXT).take(pa.array(kept)).fill_null("").to_pylist()
    return Documents(times[kept], rows[kept], texts, names)


def check_texts(config: AttentionConfig) -> None:
    """Refuse texts whose times or groups cannot be used, before topics are looked for.

    Raises:
        InputError: as :func:`read_documents`; gaps in the times.
    """
    on_grid(config, read_documents(config).times)


def _shares(
    weights: NDArray[np.float64], places: NDArray[np.int64], documents: Documents, how: tuple[int, TopicOptions]
) -> NDArray[np.float64]:
    """Mean weight of every topic over a group's documents at a time, shape (topics, times, groups)."""
    n_times, options = how
    spoken = np.isfinite(weights).all(axis=1)
    used = weights[spoken]
    if options.attention == "assigned":
        used = np.eye(weights.shape[1])[used.argmax(axis=1)]
    cell = places[spoken] * len(documents.groups) + documents.group[spoken]
    size = n_times * len(documents.groups)
    count = np.bincount(cell, minlength=size)
    total = np.stack([np.bincount(cell, column, minlength=size) for column in used.T])
    enough = count >= options.least_documents
    shares = np.divide(total, count, out=np.full_like(total, np.nan), where=enough & (count > 0))
    return np.asarray(shares.reshape(weights.shape[1], n_times, len(documents.groups)))


def _topic_table(
    attention: Attention,
    model: TopicModel,
    words: Words,
    found: tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]],
) -> pd.DataFrame:
    top, coherent, stable = found
    n_topics, count = top.shape
    categories = attention.categories or ("",) * n_topics
    return pd.DataFrame(
        {
            "topic": np.repeat(attention.topics, count),
            "rank": np.tile(np.arange(1, count + 1), n_topics),
            "word": [words.words[at] for at in top.ravel()],
            "weight": np.take_along_axis(model.words, top, axis=1).ravel(),
            "coherence": np.repeat(coherent, count),
            "stability": np.repeat(stable, count),
            "label": np.repeat(attention.names, count),
            "category": np.repeat(categories, count),
            "converged": model.converged,
        }
    )


def _document_table(
    attention: Attention, model: TopicModel, documents: Documents, places: NDArray[np.int64]
) -> pd.DataFrame:
    """Heaviest topic of each document that has one."""
    rows = np.flatnonzero(np.isfinite(model.documents).all(axis=1))
    best = model.documents[rows].argmax(axis=1)
    return pd.DataFrame(
        {
            "document": rows,
            "time": attention.times[places[rows]],
            "group": np.asarray(documents.groups, dtype=object)[documents.group[rows]],
            "topic": np.asarray(attention.topics, dtype=object)[best],
            "weight": model.documents[rows, best],
        }
    )
