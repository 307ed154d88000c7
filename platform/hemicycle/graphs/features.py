"""What is known of users and items, as the vectors that content-aware recommenders read.

.. code-block:: yaml

    features:
      items: {text: [title, abstract], dims: 64, stop_words: [french], columns: [category]}
      users: {file: encoder/users.parquet}

Labels are what probes look for: a recommender that is given them has learnt nothing when they are found. They, and
groups such as the party, are refused unless the configuration says that they are meant.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.data.assembly import Entity
from hemicycle.data.columns import locate
from hemicycle.data.schema import Dataset, is_public, roles
from hemicycle.graphs.interaction import Features
from hemicycle.graphs.texts import TextOptions, text_vectors
from hemicycle.graphs.vectors import file_vectors, vectors_of

Missing = Literal["mean", "refuse"]


class NodeFeatures(TextOptions):
    """Vectors of one kind of node, put together from columns of its table and from a file."""

    text: str | tuple[str, ...] = ()
    """Column or columns of texts, read one after the other: ``dims`` dimensions of latent semantic analysis."""
    columns: tuple[str, ...] = ()
    """Columns of numbers, standardised, and of categories, one column for each."""
    vectors: str = ""
    """Column of lists of numbers: vectors that any encoder of texts or images made."""
    file: str = ""
    """Parquet file of such vectors with a column of raw ids."""
    id: str = "id"
    """Column of ``file`` with the ids."""
    vector: str = "vector"
    """Column of ``file`` with the lists of numbers."""
    rare: int = Field(10, ge=1)
    """Categories of fewer nodes become one category."""
    missing: Missing = "mean"
    """``mean``: a missing value becomes the mean, and one more column tells where it was missing; ``refuse``."""
    allow_labels: bool = False
    """Whether columns of the role label may be used, although probes look for them."""
    allow_groups: bool = False
    """Whether columns of the role group may be used."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.text or self.columns or self.vectors or self.file):
            raise ValueError("nothing is named: give text, columns, vectors or file")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns of texts."""
        return (self.text,) if isinstance(self.text, str) and self.text else tuple(self.text)

    def named(self) -> list[str]:
        """Return all columns that are named."""
        return [*self.texts, *([self.vectors] if self.vectors else []), *self.columns]


class FeatureConfig(Options):
    """Vectors of users and of items."""

    users: NodeFeatures | None = None
    """From the users' table."""
    items: NodeFeatures | None = None
    """From the items' table."""

    def files(self) -> list[Path]:
        """Paths of files of vectors, whose contents are part of the features' identity; raises for a missing one."""
        return [locate(part.file) for part in (self.users, self.items) if part is not None and part.file]


def features(dataset: Dataset, config: FeatureConfig) -> Features:
    """Return the vectors that a configuration asks for.

    Raises:
        InputError: a column or file is missing, does not hold what it should, or is what probes look for.
    """
    users = None if config.users is None else node_features(dataset.users, config.users, "users")
    if config.items is None:
        return Features(users, None)
    if dataset.items is None:
        raise InputError("the data has no items", "features.items", "describe the users alone: features.users")
    return Features(users, node_features(dataset.items, config.items, "items"))


def node_features(table: pa.Table, config: NodeFeatures, entity: Entity) -> NDArray[np.float32]:
    """Return the vectors of users or items, shape (n_nodes, any): texts, then vectors, the file's, then columns.

    Raises:
        InputError: see :func:`features`.
    """
    where = f"features.{entity}"
    raise_problems(_problems(table, config, where))
    blocks: list[NDArray[Any]] = []
    if config.texts:
        blocks.append(text_vectors(_joined(table, config.texts), config, f"{where}.text"))
    if config.vectors:
        found = vectors_of(table[config.vectors], f"{where}.vectors column {config.vectors!r}")
        blocks += _filled(found, config.missing, f"{where}.vectors")
    if config.file:
        found = file_vectors(config.file, (config.id, config.vector), table, entity)
        blocks += _filled(found, config.missing, f"{where}.file")
    for name in config.columns:
        blocks += _column(table[name], config, f"{where}.columns {name!r}")
    return np.concatenate(blocks, 1).astype(np.float32)


def _problems(table: pa.Table, config: NodeFeatures, where: str) -> Iterator[Problem]:
    known = roles(table)
    refused = {"label": config.allow_labels, "group": config.allow_groups}
    for name in config.named():
        if name not in known:
            yield _unknown(table, name, where, text=name in config.texts)
        elif not refused.get(known[name], True):
            what = f"{name!r} is a {known[name]}: a recommender that is given it hands it on to the probes"
            yield Problem(what, where, f"leave it out, or say that it is meant: allow_{known[name]}s: true")
        elif name in config.texts and not pa.types.is_string(table.schema.field(name).type):
            yield Problem(f"{name!r} holds {table.schema.field(name).type}, not texts", f"{where}.text", "see columns")


def _unknown(table: pa.Table, name: str, where: str, *, text: bool) -> Problem:
    there = f"there are: {', '.join(table.column_names)}"
    if text and not is_public(table):
        what = f"there is no column {name!r}; texts of those who are not public are by design not kept"
        return Problem(what, where, f"encode them elsewhere and give the vectors as 'file'; {there}")
    return Problem(f"there is no column {name!r}", where, there)


def _joined(table: pa.Table, names: tuple[str, ...]) -> list[str]:
    columns = [table[name].cast(pa.string()).fill_null("") for name in names]
    return list(pc.binary_join_element_wise(*columns, " ").to_pylist())


# -- columns ---------------------------------------------------------------------------------------------------------


def _column(column: pa.ChunkedArray, config: NodeFeatures, where: str) -> list[NDArray[Any]]:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_dictionary(kind) or pa.types.is_large_string(kind):
        return _one_hot(column.cast(pa.string()), config, where)
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        raise InputError(f"holds {kind}, neither numbers nor categories", where, "leave it out")
    numeric = column.cast(pa.int8()) if pa.types.is_boolean(kind) else column
    values = numeric.cast(pa.float64()).fill_null(np.nan).to_numpy()
    filled = _filled(np.where(np.isfinite(values), values, np.nan)[:, None], config.missing, where)
    spread = filled[0].std()
    filled[0] = (filled[0] - filled[0].mean()) / (spread if spread > 0 else 1.0)
    return filled


def _one_hot(column: pa.ChunkedArray, config: NodeFeatures, where: str) -> list[NDArray[Any]]:
    """Return a column for each category in alphabetical order, one for the rare ones, and one for the missing."""
    absent = _absent(column.is_null().to_numpy(), config.missing, where)
    encoded = column.combine_chunks().dictionary_encode()
    names = np.array(encoded.dictionary.to_pylist(), object)
    codes = encoded.indices.fill_null(-1).to_numpy()
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    common = [k for k in np.argsort(names) if counts[k] >= config.rare]
    rare = np.append(counts < config.rare, np.False_)[codes]
    blocks = [(codes == k)[:, None] for k in common] + ([rare[:, None]] if rare.any() else [])
    return [np.concatenate(blocks, 1).astype(np.float32), *absent] if blocks else absent


def _filled(values: NDArray[np.floating], missing: Missing, where: str) -> list[NDArray[Any]]:
    """Return the matrix with missing rows at its mean, and where there are any, a column that tells them."""
    gone = np.isnan(values).any(axis=1)
    absent = _absent(gone, missing, where)
    if absent:
        values = np.where(gone[:, None], values[~gone].mean(axis=0, dtype=np.float64), values)
    return [values, *absent]


def _absent(gone: NDArray[np.bool_], missing: Missing, where: str) -> list[NDArray[Any]]:
    if gone.all():
        raise InputError("every value is missing", where, "leave it out")
    if gone.any() and missing == "refuse":
        raise InputError(f"{int(gone.sum())} of {len(gone)} values are missing", where, "or write missing: mean")
    return [gone[:, None].astype(np.float32)] if gone.any() else []
