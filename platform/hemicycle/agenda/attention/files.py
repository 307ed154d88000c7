"""Reading attention data: shares or counts in a wide or long table, or topics found in texts.

.. code-block:: yaml

    file: agenda_us_2013_2014/attention.csv.gz
    topics_file:
      file: agenda_us_2013_2014/policy_topics.csv
      id: our_
      label: our_topic_label
      category: our_issue_area
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from hemicycle.agenda.attention.attention import Attention, unknown
from hemicycle.agenda.attention.cells import read_cells
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.grid import rounding_unit, shares_of
from hemicycle.agenda.attention.topic_labels import labelled
from hemicycle.agenda.attention.topics import topics_of_texts
from hemicycle.agenda.attention.topics_file import TopicList, read_topics
from hemicycle.core.errors import Problem, raise_problems
from hemicycle.data.columns import file_problems, locate

_SHOWN = 8


def attention_paths(config: AttentionConfig) -> list[Path]:
    """Files whose contents are part of the attention's identity; a template of labels that is still empty is none.

    Raises:
        InputError: every file that is not there; a file of labels that cannot be read.
    """
    names = [config.file, *([config.topics_file.file] if config.topics_file else [])]
    raise_problems(file_problems(names))
    labels = labelled(config.topic_model.labels) if config.form == "texts" and config.topic_model.labels else None
    return [*(locate(name) for name in names), *([labels] if labels else [])]


def read_attention(config: AttentionConfig, seed: int = 0) -> tuple[Attention, dict[str, pd.DataFrame]]:
    """Read attention and select the topics that are asked for.

    Args:
        config: which file, columns, groups and topics.
        seed: of the topic model; without effect on ready-made shares.

    Returns:
        Attention, and for texts the tables ``agenda_topics`` and ``agenda_documents`` (see
        :func:`~hemicycle.agenda.attention.topics.topics_of_texts`); else no table.

    Raises:
        InputError: all that is wrong with the files, as far as they could be read.
    """
    attention_paths(config)
    listed = None if config.topics_file is None else read_topics(config.topics_file)
    attention, tables = topics_of_texts(config, seed) if config.form == "texts" else (_tabled(config), {})
    chosen = _chosen(config, _merged(config, attention), listed)
    raise_problems(_idle(config, chosen))
    return _attended(chosen) if config.unattended == "drop" else chosen, tables


def _tabled(config: AttentionConfig) -> Attention:
    cells = read_cells(config)
    shares, times = shares_of(config, cells)
    unit = 0.0 if config.counted else rounding_unit(cells.values)
    return Attention(shares, cells.topics, cells.groups, times, unit)


# -- topics ------------------------------------------------------------------------------------------------------------


def _merged(config: AttentionConfig, attention: Attention) -> Attention:
    """Replace topics by the sums that are asked for."""
    parts = [topic for members in config.merge.values() for topic in members]
    raise_problems([*unknown("topic", parts, attention.topics), *_twice(config, parts)])
    kept = [topic for topic in attention.topics if topic not in parts or topic in (config.topics or ())]
    if not parts:
        return attention
    position = {topic: row for row, topic in enumerate(attention.topics)}
    sums = [attention.shares[[position[topic] for topic in members]].sum(axis=0) for members in config.merge.values()]
    shares = np.concatenate([attention.shares[[position[topic] for topic in kept]], np.minimum(sums, 1)])
    labels = dict(zip(attention.topics, attention.labels, strict=False))
    categories = dict(zip(attention.topics, attention.categories, strict=False))
    topics = (*kept, *config.merge)
    return replace(
        attention,
        shares=shares,
        topics=topics,
        labels=tuple(labels.get(topic, "") for topic in topics) if labels else (),
        categories=tuple(categories.get(topic, "") for topic in topics) if categories else (),
    )


def _twice(config: AttentionConfig, parts: list[str]) -> Iterator[Problem]:
    again = sorted({topic for topic in parts if parts.count(topic) > 1})
    if again:
        yield Problem(f"topics stand twice in merge: {', '.join(again)}", config.file, "merge each topic once")


def _chosen(config: AttentionConfig, attention: Attention, listed: TopicList | None) -> Attention:
    topics = list(attention.topics)
    if listed is not None:
        attention = listed.name(attention)
        topics = [topic for topic in topics if topic in listed.kept] if listed.only else topics
        raise_problems(_no_listed(config, attention, listed, topics))
    if config.topics is not None:
        raise_problems(unknown("topic", config.topics, (*attention.topics, *attention.labels)))
        chosen = attention.select(config.topics).topics
        topics = [topic for topic in chosen if topic in topics]
    return attention.select(topics)


def _no_listed(
    config: AttentionConfig, attention: Attention, listed: TopicList, topics: list[str]
) -> Iterator[Problem]:
    if not topics:
        yield Problem(
            f"none of the {len(listed.kept)} topics ({', '.join(listed.kept[:_SHOWN])} ...) is in {config.file}, "
            f"which has {', '.join(attention.topics[:_SHOWN])} ...",
            where=listed.where,
            remedy="correct topics_file.id or topics_file.keep",
        )


def _idle(config: AttentionConfig, attention: Attention) -> Iterator[Problem]:
    """Topics and groups without attention."""
    attended = np.nan_to_num(attention.shares) > 0
    topics = [attention.names[row] for row in np.flatnonzero(~attended.any(axis=(1, 2)))]
    groups = [attention.groups[row] for row in np.flatnonzero(~attended.any(axis=(0, 1)))]
    if len(topics) == len(attention.topics):
        remedy = "look at the file; with texts, lower topic_model.least_documents"
        yield Problem("no group attends to any topic at any time", config.file, remedy)
    elif topics and config.unattended == "refuse":
        names = ", ".join(map(repr, topics[:_SHOWN]))
        more = f" and {len(topics) - _SHOWN} more" if len(topics) > _SHOWN else ""
        yield Problem(
            f"no group ever attends to {names}{more}", config.file, "write 'unattended: drop' to leave it out"
        )
    if groups and len(topics) < len(attention.topics):
        yield Problem(
            f"these groups attend to no topic: {', '.join(groups)}", config.file, "leave them out of 'groups'"
        )


def _attended(attention: Attention) -> Attention:
    rows = np.flatnonzero((np.nan_to_num(attention.shares) > 0).any(axis=(1, 2)))
    return attention.select([attention.topics[row] for row in rows])
