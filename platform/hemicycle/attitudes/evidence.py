"""Files of evidence beside follows: labels from elsewhere, what users wrote, what they shared.

Users are named by the raw ids of the table of follows, which stay in memory; whoever does not follow an actor is
counted and left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
import yaml
from numpy.typing import NDArray

from hemicycle.attitudes.text_anchors import anchors_from_words, without_words
from hemicycle.attitudes.text_stances import Stances, stances_of_texts
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.seeding import rng
from hemicycle.data.columns import ID, TEXT, TableFile, blank_to_null, file_problems, ids_of, locate, numbers

LabelValues = Mapping[str, NDArray[Any]]
"""Label -> values of users, shape (n,): numbers (NaN where unknown), or two categories (None where unknown)."""


class EvidenceFiles(Options):
    """Files beside the follows; each may be missing."""

    user: str = "user"
    """Column of users in all of them."""
    labels: str = ""
    """Table with a row a user; every other column is a label: numbers, or two categories."""
    texts: str = ""
    """Table with a row a text: what users wrote, in ``text``."""
    text: str = "text"
    """Its column of texts."""
    words: str = ""
    """YAML file: side -> words that only this side uses; two sides or more."""
    items: str = ""
    """Table with a row for each time that a user shared, read or clicked a public thing, named in ``item``."""
    item: str = "item"
    """Its column of things: outlets, pages, hashtags."""


@dataclass(frozen=True, eq=False)
class Shared:
    """Who shared what: users x items (n, m), how often, and the items' names."""

    table: sp.csr_array
    items: list[str]


def check_evidence(files: EvidenceFiles) -> None:
    """Raise one InputError for every missing file and column, before anything is read."""
    given = [path for path in (files.labels, files.texts, files.items) if path]
    problems = file_problems(given)
    if bool(files.texts) != bool(files.words):
        what = "texts without words" if files.texts else "words without texts"
        problems.append(Problem(what, "texts", "give both: texts, and the words that tell on which side one stands"))
    raise_problems(problems)
    wanted = {
        files.labels: {"user": files.user},
        files.texts: {"user": files.user, "text": files.text},
        files.items: {"user": files.user, "item": files.item},
    }
    raise_problems(p for path in given for p in TableFile(locate(path)).missing(wanted[path]))
    if files.words:
        read_words(files.words)


def read_labels(files: EvidenceFiles, users: Sequence[str]) -> tuple[LabelValues, tuple[str, ...]]:
    """Read independent labels.

    Returns:
        Values of every label in the order of ``users``, and notes.

    Raises:
        InputError: a user stands twice, none is among ``users``, or a label is neither numbers nor two categories.
    """
    file = TableFile(locate(files.labels))
    names = [name for name in file.names if name != files.user]
    if not names:
        raise InputError("there is no column of labels", files.labels, f"give a column beside {files.user!r}")
    table = file.read({files.user: ID, **dict.fromkeys(names, TEXT)})
    ids = ids_of(table[files.user])
    repeated = np.bincount(ids.codes + 1, minlength=1)[ids.codes + 1] > 1
    problems = file.problem("are users that stand twice", files.user, repeated & (ids.codes >= 0), "keep one row each")
    columns = {name: _label(table[name]) for name in names}
    problems += [p for name, values in columns.items() for p in _label_problems(name, values, files.labels)]
    raise_problems(problems)
    rows = ids.at({own: row for row, own in enumerate(users)})
    known = rows >= 0
    if not known.any():
        raise InputError("no labelled user follows an actor", files.labels, "write users' ids alike in both tables")
    found = {name: _spread(values[known], rows[known], len(users)) for name, values in columns.items()}
    strangers = int((~known).sum())
    return found, (f"{strangers:,} of {len(rows):,} labelled users follow no actor",) if strangers else ()


def read_words(path: str) -> dict[str, list[str]]:
    """Read the words of each side.

    Raises:
        InputError: the file is missing, or does not map sides to lists of words.
    """
    try:
        values = yaml.safe_load(locate(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        values = None
    good = isinstance(values, dict) and len(values) > 1
    good = good and all(isinstance(v, list) and all(isinstance(w, str) for w in v) for v in values.values())
    if not good:
        raise InputError("the file does not name words of two sides", path, "e.g. left: [workers, climate]")
    return {str(side): own for side, own in values.items()}


def read_stances(files: EvidenceFiles, users: Sequence[str], seed: int) -> tuple[Stances, tuple[str, ...]]:
    """Read texts and place their authors between the sides that words name.

    Texts with words of one side are anchors; these words are then removed, so that an axis is not found by them alone.

    Raises:
        InputError: an id is empty, no author follows an actor, or a side has too few texts.
    """
    words, file = read_words(files.words), TableFile(locate(files.texts))
    table = file.read({files.user: ID, files.text: TEXT})
    ids = ids_of(table[files.user])
    raise_problems(file.problem("are empty where an id is needed", files.user, ids.codes < 0, "remove these rows"))
    rows = ids.at({own: row for row, own in enumerate(users)})
    known = np.flatnonzero(rows >= 0)
    if not known.size:
        raise InputError("no author follows an actor", files.texts, "write users' ids alike in both tables")
    every = table[files.text].to_pylist()
    texts = [every[row] or "" for row in known]
    anchors = anchors_from_words(texts, words)
    plain, random = without_words(texts, words), rng("text stances", seed)
    found = stances_of_texts(plain, rows[known], len(users), anchors, random)
    sides = list(words)
    return found, (f"{_said(found, len(anchors.rows))}; {sides[0]} is -1, {sides[-1]} is 1",)


def read_items(files: EvidenceFiles, users: Sequence[str]) -> Shared:
    """Read who shared what.

    Raises:
        InputError: an id is empty, or nobody who follows an actor shared anything.
    """
    file = TableFile(locate(files.items))
    table = file.read({files.user: ID, files.item: ID})
    people, items = ids_of(table[files.user]), ids_of(table[files.item])
    problems = file.problem("are empty where an id is needed", files.user, people.codes < 0, "remove these rows")
    problems += file.problem("are empty where an id is needed", files.item, items.codes < 0, "remove these rows")
    raise_problems(problems)
    rows = people.at({own: row for row, own in enumerate(users)})
    known = rows >= 0
    if not known.any():
        raise InputError("nobody who follows an actor shared anything", files.items, "write users' ids alike")
    shape = (len(users), len(items.values))
    ones = np.ones(int(known.sum()), np.float32)
    matrix = sp.csr_array((ones, (rows[known], items.codes[known])), shape=shape)
    matrix.sum_duplicates()
    return Shared(matrix, items.values)


def _label(column: Any) -> NDArray[Any]:
    values, bad = numbers(column)
    return np.array(blank_to_null(column).to_pylist(), object) if bad.any() else values


def _label_problems(name: str, values: NDArray[Any], path: str) -> list[Problem]:
    numeric = values.dtype != object
    known = values[np.isfinite(values)] if numeric else values[values != np.array(None)]
    kinds = len(set(known.tolist()))
    where = f"{path} column {name!r}"
    if kinds < 2:
        return [Problem(f"the label has {kinds} value", where, "leave it out: nothing can be compared")]
    if kinds > 2 and not numeric:
        return [Problem(f"the label has {kinds} categories", where, "give numbers or two categories, or leave it out")]
    return []


def _spread(values: NDArray[Any], rows: NDArray[np.int64], n: int) -> NDArray[Any]:
    out = np.full(n, None, object) if values.dtype == object else np.full(n, np.nan)
    out[rows] = values
    return out


def _said(found: Stances, anchors: int) -> str:
    null = f" (shuffled {found.null.mean():.2f})" if len(found.null) else ""
    who = f"texts place {int(found.known.sum()):,} users by {anchors:,} anchor texts"
    return f"{who}; held-out r {found.held_out:.2f}{null}"
