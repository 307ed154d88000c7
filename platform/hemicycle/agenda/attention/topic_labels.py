"""What people call the topics that a model found: a CSV file with the columns topic, words, label, category.

It is written once as a template to fill in; afterwards it is read. Topics are recognised by their words, so that the
file still serves when the model was fitted anew and its topics came out in another order.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from hemicycle.agenda.attention.stability import jaccard
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.paths import find

COLUMNS = ("topic", "words", "label", "category")
LEAST_OVERLAP = 0.5
"""Jaccard index of a topic's words with those in the file, below which they are not the same topic."""


@dataclass(frozen=True)
class TopicNames:
    """Names of topics, in the model's order; empty where nobody gave one."""

    labels: tuple[str, ...]
    categories: tuple[str, ...]


def name_topics(path: str, words: Sequence[Sequence[str]]) -> TopicNames:
    """Read the names of topics, or write the template when there is no such file.

    Args:
        path: the CSV file; relative paths start at the current folder, then at ``$HEMICYCLE_DATA``.
        words: words of each topic, the heaviest first.

    Raises:
        InputError: the file is not of this form, or describes another model; it cannot be written.
    """
    found = find(path)
    if found is None:
        write_template(Path(path).expanduser(), words)
        return TopicNames(("",) * len(words), ("",) * len(words))
    rows = read_labels(found)
    places = _matched(found, [row["words"].split() for row in rows], words)
    return TopicNames(tuple(rows[at]["label"] for at in places), tuple(rows[at]["category"] for at in places))


def labelled(path: str) -> Path | None:
    """Return the file when it is there and somebody has filled in a label or category."""
    found = find(path)
    filled = found is not None and any(row["label"] or row["category"] for row in read_labels(found))
    return found.absolute() if found is not None and filled else None


def write_template(path: Path, words: Sequence[Sequence[str]]) -> None:
    """Write a row a topic, with its words, for people to fill in label and category."""
    try:
        with path.open("x", encoding="utf-8", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(COLUMNS)
            rows.writerows((number, " ".join(topic), "", "") for number, topic in enumerate(words, start=1))
    except OSError as error:
        raise InputError(
            f"the template of labels cannot be written ({error.strerror})",
            where=str(path.absolute()),
            remedy="name a file in a folder that exists and is writable in topic_model.labels",
        ) from error


def read_labels(path: Path) -> list[dict[str, str]]:
    """Read the rows.

    Raises:
        InputError: a column is missing, or the file is no text in UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            rows = [{name: (row.get(name) or "").strip() for name in COLUMNS} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("the file is not text in UTF-8", str(path), "export it again") from error
    if missing:
        raise InputError(f"columns are missing: {', '.join(missing)}", str(path), f"it needs {', '.join(COLUMNS)}")
    return rows


def _matched(path: Path, theirs: Sequence[Sequence[str]], ours: Sequence[Sequence[str]]) -> list[int]:
    """Return for each topic the row of the file that has its words."""
    raise_problems(_other_number(path, len(theirs), len(ours)))
    overlap = np.array([[jaccard(_parts(mine), set(row)) for row in theirs] for mine in ours])
    columns = linear_sum_assignment(-overlap)[1]
    low = [topic for topic, at in enumerate(columns) if overlap[topic, at] < LEAST_OVERLAP]
    raise_problems(_other_words(path, low, len(ours)))
    return [int(at) for at in columns]


def _parts(words: Sequence[str]) -> set[str]:
    """Words and the parts of pairs, as blanks separate them in the file."""
    return {part for word in words for part in word.split()}


def _other_number(path: Path, theirs: int, ours: int) -> Iterator[Problem]:
    if theirs != ours:
        what = f"the file describes {theirs} topics, but the model has {ours}"
        yield Problem(what, str(path), "move it away, so that a new template is written, or correct topic_model.topics")


def _other_words(path: Path, low: list[int], n_topics: int) -> Iterator[Problem]:
    if low:
        names = ", ".join(str(topic + 1) for topic in low[:10])
        yield Problem(
            f"{len(low)} of {n_topics} topics (numbers {names}) have other words than any topic of the file: "
            "it describes another model",
            where=str(path),
            remedy="move it away, so that a new template is written, and carry the labels over",
        )
