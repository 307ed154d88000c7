"""The step that compares the representations of a whole population, layer by layer, and maps its models."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hemicycle.core.config import Options
from hemicycle.core.records import READOUT, ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.geometry.model_map import angles, model_map
from hemicycle.geometry.similarity import Similarity, SimilarityConfig, population_similarity, sample_rows
from hemicycle.population.population import Population, read_records
from hemicycle.probes.base import Row
from hemicycle.studies.steps import Cost, Step, Work

SIMILARITY, MAP = "similarity", "similarity_map"
_TEXT = ("record_id", "other_id", "layer", "other_layer", "measure")
_COLUMNS = (*_TEXT, "value", "ci_low", "ci_high", "control", "control_low", "control_high", "n")
_MAPPED = ("record_id", "layer", "measure", "x", "y", "stress")


def _schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(c, pa.string() if c in _TEXT else pa.int64() if c == "n" else pa.float64()) for c in columns])


SIMILARITY_SCHEMA, MAP_SCHEMA = _schema(_COLUMNS), _schema(_MAPPED)
"""Arrow schemas: one row a pair and measure; one row a model and layer."""


class SimilarityOptions(Options):
    """How a population is compared."""

    similarity: SimilarityConfig = SimilarityConfig()
    """Measures, users, permutations."""
    entity: Literal["user", "item"] = "user"
    """Whose vectors are compared."""
    layers: Literal["readout", "each", "across"] = "each"
    """The read-outs alone, each layer with the same layer of other models, or every layer with every other."""


def similarity_step(work: Work) -> None:
    """Write the similarity of every pair and maps of models; those without vectors and failed ones are left out."""
    options: SimilarityOptions = work.options
    folders = [folder for name, folder in work.inputs.items() if name.startswith("model ") and folder.done]
    records = {record.id: record for folder in folders for record in read_records(folder) if record.layers}
    rows: list[Row] = []
    mapped: list[Row] = []
    for sites in _sites(list(records.values()), options.layers):
        kept, vectors = _representations(work, sites, options)
        if len(kept) < 2:
            continue
        found = population_similarity(vectors, options.similarity)
        n = min(len(vectors[0]), options.similarity.users)
        rows += _pairs(kept, found, {"rsa": min(n, options.similarity.rsa_users)}, n)
        mapped += [row for measure, made in found.items() for row in _map(kept, measure, made)]
    work.out.write_table(SIMILARITY, pa.Table.from_pylist(rows, SIMILARITY_SCHEMA))
    work.out.write_table(MAP, pa.Table.from_pylist(mapped, MAP_SCHEMA))


Site = tuple[ModelRecord, str]


def _sites(records: list[ModelRecord], layers: str) -> list[list[Site]]:
    """Groups of records and layers that are compared with each other."""
    every = [(record, layer) for record in records for layer in record.layers]
    if layers == "across":
        return [every]
    names = [READOUT] if layers == "readout" else dict.fromkeys(layer for _, layer in every)
    return [[site for site in every if site[1] == name] for name in names]


def _representations(
    work: Work, sites: list[Site], options: SimilarityOptions
) -> tuple[list[Site], list[NDArray[np.floating]]]:
    """Vectors at the best checkpoints, of the same subsample of users; a model that knows none of them is left out."""
    kept, found = [], []
    for record, layer in sites:
        vectors = _vectors(work, record, layer, options.entity)
        if vectors is not None and len(vectors):
            rows = sample_rows(len(vectors), 2 * options.similarity.users, options.similarity.seed)
            kept.append((record, layer))
            found.append(np.asarray(vectors[rows], np.float32))
    known = [np.isfinite(vectors).all(axis=1) for vectors in found]
    if not known:
        return [], []
    common = np.all(known, axis=0)
    return kept, [vectors[common] for vectors in found]


def _vectors(work: Work, record: ModelRecord, layer: str, entity: str) -> NDArray[np.floating] | None:
    store = Folder(work.inputs["data"].uri.rsplit("/steps/", 1)[0])
    embedding = Population(store, work.inputs["graph"], (record,)).embedding(record, layer)
    if embedding is None:
        return None
    return embedding.users if entity == "user" else embedding.items


def _pairs(sites: list[Site], found: dict[Any, Similarity], few: dict[str, int], n: int) -> list[Row]:
    rows = []
    for measure, made in found.items():
        low, high = np.percentile(made.controls, (2.5, 97.5), axis=0)
        mean = made.controls.mean(axis=0)
        for (i, (record, layer)), (j, (other, other_layer)) in combinations(enumerate(sites), 2):
            names = dict(zip(_TEXT, (record.id, other.id, layer, other_layer, measure), strict=True))
            values = (made.value, made.low, made.high, mean, low, high)
            numbers = {name: float(part[i, j]) for name, part in zip(_COLUMNS[5:11], values, strict=True)}
            rows.append({**names, **numbers, "n": few.get(measure, n)})
    return rows


def _map(sites: list[Site], measure: str, made: Similarity) -> list[Row]:
    """Models on a map by one measure; those whose vectors do not vary have no place."""
    known = np.flatnonzero(np.isfinite(np.diag(made.value)))
    value = made.value[np.ix_(known, known)]
    if len(known) < 3:
        return []
    placed = model_map(value if measure == "procrustes" else angles(value))
    return [
        {"record_id": sites[k][0].id, "layer": sites[k][1], "measure": measure, "x": x, "y": y, "stress": placed.stress}
        for k, (x, y) in zip(known, placed.points.tolist(), strict=True)
    ]


def similarity_step_of(models: Sequence[Step], data: Step, graph: Step, options: SimilarityOptions) -> Step:
    """Return the step that compares what some steps yield; it goes on without those that fail.

    Args:
        models: fits, stacks, foreign or derived models of one graph.
        data: the data set.
        graph: the split graph.
        options: measures, users, layers.
    """
    inputs = {f"model {number}": step for number, step in enumerate(models)}
    n, config = len(models), options.similarity
    seconds = 5 + n * config.users * 1e-5 + n**2 * (config.users * 3e-7 + config.rsa_users**2 * 1e-9)
    cost = Cost(seconds=seconds, memory=5e8 + 2e3 * n * config.users, disk=1e4 + 600.0 * n**2)
    every = {"data": data, "graph": graph, **inputs}
    title = f"compare {n} models"
    return Step("similarity", title, similarity_step, options, every, cost=cost, tolerates=frozenset(inputs))
