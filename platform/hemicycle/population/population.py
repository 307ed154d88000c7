"""A population: many models of one graph as one table, their vectors made only when asked for."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa

from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT, ModelRecord
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import Split
from hemicycle.population.derived import Derivation, transform_of
from hemicycle.population.foreign import foreign_embedding, foreign_lists
from hemicycle.recommenders.base import Embedding, Recommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.recommenders.scoring import Scores
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.transforms.base import Scene

RECORDS = "records.json"
RECORD_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("name", pa.string()),
        ("family", pa.string()),
        ("seed", pa.int64()),
        ("status", pa.string()),
        ("parent", pa.string()),
        ("folder", pa.string()),
        ("best_epoch", pa.int64()),
        ("epochs", pa.list_(pa.int64())),
        ("layers", pa.list_(pa.string())),
        ("config", pa.string()),
    ]
)


@dataclass(frozen=True)
class Population:
    """Models that share a graph.

    Args:
        store: root of the store below which the records' folders lie.
        graph: folder of the split graph on which they were trained.
        records: one row a model.
    """

    store: Folder
    graph: Folder
    records: tuple[ModelRecord, ...]

    def __iter__(self) -> Iterator[ModelRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, name: str) -> ModelRecord:
        found = [record for record in self.records if name in (record.id, record.name)]
        if not found:
            raise InputError(f"no model {name!r}", remedy=f"there are: {', '.join(r.name for r in self.records)}")
        return found[0]

    def where(self, condition: Callable[[ModelRecord], bool] | None = None, **equal: object) -> "Population":
        """Keep the records that meet a condition or have these values, e.g. ``where(family="mf", seed=0)``."""
        kept = (r for r in self.records if all(getattr(r, key) == value for key, value in equal.items()))
        return Population(self.store, self.graph, tuple(r for r in kept if condition is None or condition(r)))

    def group_by(self, field: str) -> dict[object, "Population"]:
        """Split by the values of a field, in order of appearance."""
        values = dict.fromkeys(getattr(record, field) for record in self.records)
        return {value: self.where(**{field: value}) for value in values}

    @property
    def train(self) -> InteractionGraph:
        """The training graph."""
        return _split(self.graph).train

    @property
    def context(self) -> InteractionGraph:
        """The graph on which models are embedded: the training graph and what is revealed of withheld users."""
        return _split(self.graph).context

    def embedding(self, record: ModelRecord, layer: str = READOUT, epoch: int | None = None) -> Embedding | None:
        """Vectors of a model at a layer and checkpoint (default: the best), or None when it has none."""
        chosen = record.best_epoch if epoch is None else epoch
        folder = self.store / record.folder
        if record.status == "foreign":
            return foreign_embedding(folder, layer, chosen)
        if record.status == "derived":
            return transform_of(record).embed(self.scene(record))
        recommender = recommender_of(record)
        if not recommender.layers:
            return None
        return recommender.embed(Checkpoints(folder).load(chosen), self.context, layer)

    def scores(self, record: ModelRecord, epoch: int | None = None) -> Scores | None:
        """Function from users to scores of all items; None for a foreign model without lists."""
        folder = self.store / record.folder
        if record.status == "foreign":
            return foreign_lists(folder, self.train.n_items)
        if record.status == "derived":
            return transform_of(record).scores(self.scene(record))
        parameters = Checkpoints(folder).load(record.best_epoch if epoch is None else epoch)
        return recommender_of(record).scores(parameters, self.context)

    def scene(self, record: ModelRecord) -> Scene:
        """What a derived model's transform is given: its parents, which need not be in this population, and more."""
        derivation = Derivation.read(self.store / record.folder)
        return derivation.scene(_split(self.graph), int(record.config["k"]), self.scores)

    def to_table(self) -> pa.Table:
        """One row a model."""
        return records_table(self.records)


@lru_cache(maxsize=2)
def _split(graph: Folder) -> Split:
    return Split.read(graph)


def recommender_of(record: ModelRecord) -> Recommender:
    """Build the recommender that a record describes."""
    recommender: Recommender = RECOMMENDER.build(RECOMMENDER.validate(record.config["recommender"]))
    return recommender


def records_table(records: Iterable[ModelRecord]) -> pa.Table:
    """Records as a table of :data:`RECORD_SCHEMA`."""
    rows = [r.to_json() | {"config": json.dumps(r.config, sort_keys=True)} for r in records]
    return pa.Table.from_pylist([{k: row[k] for k in RECORD_SCHEMA.names} for row in rows], schema=RECORD_SCHEMA)


def write_records(folder: Folder, records: Iterable[ModelRecord]) -> None:
    """Write the records that a step yields."""
    folder.write_json(RECORDS, [record.to_json() for record in records])


def read_records(folder: Folder) -> list[ModelRecord]:
    """Read the records that a step yielded."""
    return [ModelRecord.from_json(row) for row in folder.read_json(RECORDS)]
