"""Models that somebody else trained: their vectors or their lists join a population and are probed like ours."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import model_validator

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, Problem, raise_problems
from hemicycle.core.paths import find
from hemicycle.core.records import READOUT
from hemicycle.core.storage import Folder
from hemicycle.data.columns import ids_of
from hemicycle.recommenders.base import Embedding
from hemicycle.recommenders.scoring import Scores

Alias = Callable[[list[str]], list[str]]
"""Raw ids -> the ids of the data set (pseudonyms, unless the users are public)."""


class ForeignConfig(Options):
    """A foreign model: a parquet file of vectors or of recommendation lists."""

    embeddings: Path | None = None
    """Parquet with one row a user: id, vector, and optionally layer and epoch."""
    lists: Path | None = None
    """Parquet with one row a recommendation: user, item, rank (1 is first)."""
    id: str = "id"
    """Column of ``embeddings`` with the user's id."""
    vector: str = "vector"
    """Column of ``embeddings`` with a list of numbers."""
    family: str = "foreign"
    """What figures call it."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.embeddings is None) == (self.lists is None):
            raise ValueError("give either embeddings or lists")
        return self

    @property
    def path(self) -> Path:
        """The file that is given, where it is found."""
        given = self.embeddings or self.lists or Path()
        return find(given) or given


def foreign_kind(path: Path) -> str:
    """Tell from a file's columns whether it holds ``embeddings`` or ``lists``.

    Raises:
        InputError: neither.
    """
    columns = set(_read(path, []).column_names)
    if {"user", "item", "rank"} <= columns:
        return "lists"
    if {"id", "vector"} <= columns:
        return "embeddings"
    raise InputError(
        f"columns {', '.join(sorted(columns))}: neither vectors nor lists",
        str(path),
        "give the columns id and vector (and layer, epoch), or user, item and rank",
    )


def _read(path: Path, needed: list[str]) -> pa.Table:
    if not path.is_file():
        raise InputError(f"there is no file {path}", remedy="correct the path under 'population'")
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError("not a parquet file", str(path), "write it with DataFrame.to_parquet") from error
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise InputError(
            f"column {missing[0]!r} is missing; there are: {', '.join(table.column_names)}",
            str(path),
            "rename it, or say in the config what it is called",
        )
    return table


def _positions(raw: pa.ChunkedArray, known: list[str], alias: Alias, where: str) -> NDArray[np.int64]:
    """Row number of each id in the data set; -1 for ids that it does not know."""
    ids = ids_of(raw)
    row = {name: number for number, name in enumerate(known)}
    found = ids.at({value: row.get(name, -1) for value, name in zip(ids.values, alias(ids.values), strict=True)})
    if (found < 0).all():
        raise InputError(
            "none of its ids is in the data", where, "ids are compared as text: check their form and the column name"
        )
    return found


def ingest_embeddings(config: ForeignConfig, users: list[str], alias: Alias, out: Folder) -> dict[str, Any]:
    """Align vectors with the data's users and write them; returns layers and epochs.

    Users without a vector get NaN and are left out of probes.

    Raises:
        InputError: the file, a column or a vector cannot be used.
    """
    path = config.path
    table = _read(path, [config.id, config.vector])
    raise_problems(_column_problems(table, config.vector, path))
    layers = table["layer"].cast(pa.string()).to_pylist() if "layer" in table.column_names else [READOUT] * len(table)
    epochs = table["epoch"].to_pylist() if "epoch" in table.column_names else [0] * len(table)
    rows = _positions(table[config.id], users, alias, f"{path} column {config.id!r}")
    frame = pd.DataFrame({"row": rows, "layer": layers, "epoch": epochs, "vector": table[config.vector].to_pylist()})
    frame = frame[frame["row"] >= 0]
    twice = frame.duplicated(["row", "layer", "epoch"])
    if twice.any():
        raise InputError(f"{int(twice.sum())} ids have more than one vector", str(path), "keep one row a user")
    found = {"layers": sorted(set(frame["layer"])), "epochs": sorted({int(e) for e in frame["epoch"]})}
    for layer, epoch in itertools.product(found["layers"], found["epochs"]):
        part = frame[(frame["layer"] == layer) & (frame["epoch"] == epoch)]
        if part.empty:
            raise InputError(
                f"no vectors of layer {layer} at epoch {epoch}", str(path), "give every layer at every epoch"
            )
        out.write_array(f"vectors-{layer}-{epoch}", _stack(part, len(users), path))
    return found


def _column_problems(table: pa.Table, vector: str, path: Path) -> list[Problem]:
    """What is wrong with the kinds of the columns."""
    kind, problems = table.schema.field(vector).type, []
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        remedy = "one cell holds all numbers of a user, as a list"
        problems.append(Problem(f"holds {kind}, not lists of numbers", f"{path} column {vector!r}", remedy))
    elif not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        problems.append(Problem(f"holds lists of {kind.value_type}", f"{path} column {vector!r}", "write numbers"))
    if "epoch" in table.column_names and not _whole(table["epoch"]):
        problems.append(Problem("not a whole number in every row", f"{path} column 'epoch'", "number the checkpoints"))
    if "layer" in table.column_names:
        names = set(table["layer"].cast(pa.string()).to_pylist())
        if None in names or not all(re.fullmatch(r"[\w.]+", name) for name in names):
            remedy = "name layers with letters, digits, _ and ."
            problems.append(Problem("has names that cannot be used", f"{path} column 'layer'", remedy))
    return problems


def _whole(column: pa.ChunkedArray) -> bool:
    return pa.types.is_integer(column.type) and not column.null_count


def _stack(part: pd.DataFrame, n_users: int, path: Path) -> NDArray[np.float32]:
    lengths = part["vector"].map(lambda v: -1 if v is None else len(v))
    if len(set(lengths)) > 1 or lengths.iloc[0] < 1:
        what = f"vectors of {len(set(lengths))} different lengths"
        raise InputError(what, str(path), "give all users vectors of the same length")
    vectors = np.full((n_users, int(lengths.iloc[0])), np.nan, np.float32)
    vectors[part["row"]] = np.array(part["vector"].tolist(), np.float32)
    bad = int((~np.isfinite(vectors[part["row"]])).any(axis=1).sum())
    if bad:
        raise InputError(f"{bad} vectors hold NaN or infinity", str(path), "drop or repair them")
    return vectors


def ingest_lists(
    config: ForeignConfig, ids: tuple[list[str], list[str]], aliases: tuple[Alias, Alias], out: Folder
) -> None:
    """Align recommendation lists with the data's users and items and write them, best first, -1 where a list ends."""
    path, (users, items) = config.path, ids
    table = _read(path, ["user", "item", "rank"])
    if not _whole(table["rank"]):
        raise InputError("not a whole number in every row", f"{path} column 'rank'", "1 is the best, 2 the next")
    frame = pd.DataFrame(
        {
            "user": _positions(table["user"], users, aliases[0], f"{path} column 'user'"),
            "item": _positions(table["item"], items, aliases[1], f"{path} column 'item'"),
            "rank": table["rank"].to_pandas(),
        }
    )
    frame = frame[(frame["user"] >= 0) & (frame["item"] >= 0)].sort_values(["user", "rank"], kind="stable")
    if frame.empty:
        raise InputError("no row has both a user and an item of the data", str(path), "check which data it belongs to")
    place = frame.groupby("user").cumcount()
    lists = np.full((len(users), int(place.max()) + 1), -1, np.int32)
    lists[frame["user"], place] = frame["item"]
    out.write_array("lists", lists)


def foreign_embedding(folder: Folder, layer: str, epoch: int) -> Embedding | None:
    """Vectors of a foreign model, or None when only its lists are known."""
    name = f"vectors-{layer}-{epoch}"
    if not folder.exists(f"{name}.npy"):
        return None
    return Embedding(folder.read_array(name), np.empty((0, 0), np.float32))


def listed_users(folder: Folder) -> NDArray[np.bool_]:
    """Users to whom foreign lists recommend anything."""
    return np.asarray(folder.read_array("lists")[:, 0] >= 0)


def foreign_lists(folder: Folder, n_items: int) -> Scores | None:
    """Scores that reproduce foreign lists: 1 / rank on the list, 0 elsewhere; None without lists."""
    if not folder.exists("lists.npy"):
        return None
    lists = folder.read_array("lists")

    def scores(users: NDArray[np.integer]) -> NDArray[np.floating]:
        out = np.zeros((len(users), n_items + 1), np.float32)
        chosen = lists[users]
        weight = 1.0 / np.arange(1, lists.shape[1] + 1, dtype=np.float32)
        np.put_along_axis(out, np.where(chosen < 0, n_items, chosen), np.broadcast_to(weight, chosen.shape), axis=1)
        return out[:, :n_items]

    return scores
