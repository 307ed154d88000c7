"""The step that measures the shape of a record's representation: dimensions, shares of variance, its course."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.records import ModelRecord
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.geometry.dimension import participation_ratio, two_nn
from hemicycle.geometry.projection import Mapped, vectors_from_scores
from hemicycle.geometry.similarity import sample_rows
from hemicycle.geometry.trajectories import Course, trajectory, trajectory_table
from hemicycle.geometry.variance import VarianceConfig, variance_shares
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.population.population import Population
from hemicycle.probes.base import Row
from hemicycle.probes.target import encode, is_missing, is_numeric
from hemicycle.studies.entities import column
from hemicycle.studies.probing import population_of, representation, sites
from hemicycle.studies.steps import Cost, Step, Work

GEOMETRY, TRAJECTORIES = "geometry_results", "trajectory_points"
_TEXT = ("record_id", "layer", "entity", "quantity", "attribute", "cv")
_NUMBERS = ("value", "ci_low", "ci_high", "control", "control_low", "control_high")
_COLUMNS = (*_TEXT[:2], "epoch", *_TEXT[2:5], *_NUMBERS, "n", "n_groups", "cv")
GEOMETRY_SCHEMA = pa.schema(
    [(c, pa.string() if c in _TEXT else pa.float64() if c in _NUMBERS else pa.int64()) for c in _COLUMNS]
)
"""One row a layer, checkpoint and quantity; attributes and controls are of shares of variance only."""


class GeometryOptions(Options):
    """What is measured of one record."""

    record: dict[str, Any] = Field(default_factory=dict)
    """The record."""
    labels: tuple[str, ...] = ()
    """Attitudes whose shares of variance are measured; the first orients and colours the maps."""
    group: str = ""
    """Group column shown beside it."""
    users: int = Field(10_000, ge=100)
    """Users at most of whom dimensions and shares are computed; maps show all."""
    checkpoints: int = Field(9, ge=2)
    """Checkpoints at most: the first, the best, the last, and others evenly spaced on a logarithm."""
    variance: VarianceConfig = VarianceConfig()
    """Folds, permutations and bootstrap of shares of variance."""


def geometry_step(work: Work) -> None:
    """Write dimensions and shares of variance at each site, and the course of the read-out along training."""
    options: GeometryOptions = work.options
    record = ModelRecord.from_json(options.record)
    dataset, population = Dataset.read(work.inputs["data"]), population_of(work, record)
    _check(dataset.users, options)
    rows, readouts = [], {}
    for layer, epoch in _sites(record, options.checkpoints):
        vectors = np.asarray(representation(population, record, layer, epoch))
        known = np.asarray(np.isfinite(vectors).all(axis=1))
        about = {"record_id": record.id, "layer": layer, "epoch": epoch, "entity": "user"}
        rows += [{**about, **row} for row in _measured(vectors, known, dataset.users, options)]
        if layer == _readout(record):
            readouts[epoch] = vectors
    work.out.write_table(GEOMETRY, pa.Table.from_pylist(rows, GEOMETRY_SCHEMA))
    given = {"record_id": record.id, "layer": _readout(record)}
    course = _course(readouts, record, dataset.users, options, population) if options.labels else []
    work.out.write_table(TRAJECTORIES, trajectory_table([{**given, **row} for row in course]))


def _check(users: pa.Table, options: GeometryOptions) -> None:
    wanted = [*options.labels, *([options.group] if options.group else [])]
    missing = [name for name in wanted if name not in users.column_names]
    if missing:
        there = ", ".join(with_role(users, "label") + with_role(users, "group"))
        raise InputError(f"users have no column {missing[0]!r}", "geometry", f"there are: {there}")


def _readout(record: ModelRecord) -> str:
    return sites(record)[-1][0]


def _sites(record: ModelRecord, most: int) -> list[tuple[str, int]]:
    """Sites of a record with few enough checkpoints."""
    kept = spread(list(record.epochs), record.best_epoch, most)
    return [(layer, epoch) for layer, epoch in sites(record) if epoch in kept]


def spread(epochs: list[int], best: int, most: int) -> list[int]:
    """Return at most so many epochs: the first, the best, the last, the rest evenly spaced on a logarithm."""
    if len(epochs) <= most:
        return epochs
    logs = np.log1p(epochs)
    must = dict.fromkeys([epochs[0], best, epochs[-1]])
    nearest = [epochs[int(np.abs(logs - at).argmin())] for at in np.linspace(logs[0], logs[-1], most)]
    return sorted([*must, *[epoch for epoch in dict.fromkeys(nearest) if epoch not in must][: most - len(must)]])


def _measured(
    vectors: NDArray[np.floating], known: NDArray[np.bool_], users: pa.Table, options: GeometryOptions
) -> list[Row]:
    """Dimensions and shares at one site, of the same users at each."""
    rows = np.flatnonzero(known)
    rows = rows[sample_rows(len(rows), options.users, options.variance.seed)]
    x = vectors[rows]
    found: list[Row] = []
    for quantity, estimate in (("participation_ratio", participation_ratio(x)), ("two_nn", two_nn(x))):
        row = {"quantity": quantity, "attribute": "", "value": estimate.value, "ci_low": estimate.low}
        found.append({**row, "ci_high": estimate.high, "n": len(x), "n_groups": 0, "cv": ""})
    if not options.labels:
        return found
    labels = {name: column(users, name)[rows] for name in options.labels}
    groups = {name: column(users, name)[rows] for name in with_role(users, "group") if name not in labels}
    return found + variance_shares(x, labels, groups, options.variance)


def _course(
    readouts: Mapping[int, NDArray[np.floating]],
    record: ModelRecord,
    users: pa.Table,
    options: GeometryOptions,
    population: Population,
) -> list[Row]:
    """Maps along training by principal components, and where the first label is a number or has two values, by it."""
    known = np.all([np.isfinite(vectors).all(axis=1) for vectors in readouts.values()], axis=0)
    values = as_numbers(column(users, options.labels[0]))
    names = next(iter(with_role(users, "name")), "id")
    about = Mapped(
        options.labels[0],
        values[known],
        column(users, options.group)[known] if options.group else None,
        column(users, names).astype(str)[known] if is_public(users) else None,
        public=is_public(users),
    )
    groups = {g: column(users, g)[known] for g in with_role(users, "group") if g != options.labels[0]}
    points = graph_map(population.context)[known]
    kept = {epoch: vectors[known] for epoch, vectors in readouts.items()}
    course = Course(kept, record.best_epoch, about, groups, points)
    found = trajectory(course, "pca")
    varies = np.isfinite(about.values).sum() >= 15 and np.nanstd(about.values) > 0
    return found + (trajectory(course, "supervised") if varies else [])


def as_numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers as they are and two categories as -1 and 1, in the order of their texts; else NaN, shape (n,)."""
    if is_numeric(values):
        return values.astype(np.float64)
    codes, levels = encode(values)
    known = ~is_missing(values) if levels == 2 else np.zeros(len(values), bool)
    return np.where(known, 2.0 * codes - 1, np.nan)


def graph_map(graph: InteractionGraph) -> NDArray[np.float64]:
    """Return two coordinates of users from the graph alone, onto which all models' maps are turned, shape (n, 2).

    The second and third left singular vectors of (D_u + t)^-1/2 A (D_i + s)^-1/2 with t and s the mean degrees:
    correspondence analysis, regularised so that no small corner of the graph takes an axis for itself (Qin & Rohe,
    NeurIPS 2013). Users without edges get NaN.

    Raises:
        InputError: fewer than three users or items.
    """
    if min(graph.n_users, graph.n_items) < 3:
        raise InputError("the graph is too small for a map", "trajectory", "give at least three users and items")
    matrix = graph.to_scipy().astype(np.float64)
    degrees = matrix.sum(axis=1)
    scaled = _root_scale(degrees) @ matrix @ _root_scale(matrix.sum(axis=0))
    points = vectors_from_scores(sp.csr_array(scaled), 3)[:, 1:]
    return np.where((degrees > 0)[:, None], points, np.nan)


def _root_scale(degrees: NDArray[np.float64]) -> sp.dia_array:
    return sp.diags_array(1 / np.sqrt(degrees + max(float(degrees.mean()), 1e-300)))


def geometry_steps(record: ModelRecord, title: str, inputs: Mapping[str, Step], options: GeometryOptions) -> list[Step]:
    """Return the step that measures one record; none for a record without vectors.

    Args:
        record: of any status.
        title: its name in the study.
        inputs: the steps ``data``, ``graph`` and ``model``.
        options: attitudes, users, checkpoints; the record in it is replaced.
    """
    if not record.layers:
        return []
    of = len(_sites(record, options.checkpoints))
    cost = Cost(seconds=of * (1 + options.users * 2e-4 * (1 + len(options.labels))), memory=8e8, disk=1e6)
    given = options.replace(record=record.to_json())
    return [Step("geometry", f"measure {title}", geometry_step, given, inputs, cost=cost)]
