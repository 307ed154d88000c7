"""What steps are expected to take: seconds on one core, bytes of memory and of disk.

Training an embedding follows :mod:`hemicycle.studies.cost_model`, whose constants are fitted to measurements; the other
constants are rough figures of one present-day core. They say whether a plan is a matter of minutes or days and whether
it fits, not more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hemicycle.core.errors import Problem
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, Relation
from hemicycle.recommenders.base import EmbeddingConfig
from hemicycle.studies.cost_model import Work, constants
from hemicycle.studies.steps import Cost, Step
from hemicycle.training.options import TrainingOptions

BASE_MEMORY = 6e8
"""A worker process with torch and its libraries."""
START_SECONDS, STEP_SECONDS = 0.3, 0.05
"""What any fit, and what any smaller step, takes beside its computation."""
PROCESS_SECONDS = 6.0
"""A process that imports everything; each worker of a fit is one."""
GATHERED_PER_SECOND = 2e9
"""Floats that a propagation or a loss gathers in a second, where nothing better is known."""
SCORED_PER_SECOND = 1e10
"""Multiplications of scores in a second, with what follows them."""
ASSESS_SECONDS, MAP_SECONDS = 0.15, 0.05
"""Measures of a model's lists, and the map of a record."""
MARGIN = 1.2
"""Free disk asked for, in units of the estimate."""


@dataclass(frozen=True)
class Size:
    """Size of the graph on which models are trained."""

    users: int
    items: int
    edges: int

    @classmethod
    def of(cls, dataset: Dataset, relation: Relation) -> "Size":
        """Measure a relation."""
        columns = dataset.users if relation.social or dataset.items is None else dataset.items
        return cls(dataset.users.num_rows, columns.num_rows, relation.table.num_rows * (1 if relation.directed else 2))

    @property
    def nodes(self) -> int:
        """Rows of an embedding table."""
        return self.users + self.items

    def graph(self) -> Cost:
        """Sort and split the edges."""
        return Cost(START_SECONDS + self.edges * 1e-6, BASE_MEMORY + 80 * self.edges, 12 * self.edges)

    def fit(self, options: Any, workers: int = 1) -> Cost:
        """One fit, of all its workers: steps, a full ranking at each validation and at the end, checkpoints.

        Args:
            options: of the fit.
            workers: that share it.
        """
        recommender, train = options.recommender, options.train
        dim = getattr(recommender, "dim", 1)
        epochs = train.epochs if dim > 1 else 1
        validated = 1.0 * dim * min(self.users, train.validate_users) * self.items / train.validate_every
        tested = 2.0 * dim * min(self.users, options.test_users) * self.items
        ranked = (epochs * validated + tested) / SCORED_PER_SECOND
        if isinstance(recommender, EmbeddingConfig):
            seconds, memory = self._steps(recommender, train, workers)
        else:
            seconds, memory = epochs * self._rough_epoch(recommender, train), BASE_MEMORY + 32.0 * self.nodes * dim
        table = 4.0 * self.nodes * dim
        kept = epochs if train.keep == "all" else 4
        begun = START_SECONDS + (workers * PROCESS_SECONDS if workers > 1 else 0.0)
        return Cost(begun + seconds + ranked, memory + 40 * self.edges + 2 * table, table * kept + 1e5)

    def _steps(self, recommender: EmbeddingConfig, train: TrainingOptions, workers: int) -> tuple[float, float]:
        """Seconds of all steps on one core, and peak bytes while they last, of all workers together."""
        layers = getattr(recommender, "layers", 0)
        work = Work(self.users, self.items, self.edges, layers, recommender, train, workers)
        planned = train.epochs * max(1, -(-self.edges // train.batch))
        steps = planned if train.max_steps is None else min(planned, train.max_steps)
        known = constants()
        return steps * workers * known.step_seconds(work), workers * known.peak_memory(work)

    def _rough_epoch(self, recommender: Any, train: TrainingOptions) -> float:
        """Seconds of an epoch of anything that brings its own fit: a guess."""
        dim, layers = getattr(recommender, "dim", 1), getattr(recommender, "layers", 0) or 0
        steps = max(1, -(-self.edges // train.batch))
        gathered = dim * self.edges * (4 * layers * steps + 6)
        rivals = self.users if train.loss == "softmax" else self.edges
        scored = 6.0 * dim * rivals * min(train.n_negatives, self.items)
        return gathered / GATHERED_PER_SECOND + scored / SCORED_PER_SECOND

    def probe(self, sites: int, probes: int) -> Cost:
        """Closed forms over folds, bootstrap and permutations, for each site."""
        return Cost(STEP_SECONDS + sites * probes * (0.15 + self.users * 3e-5), BASE_MEMORY + 1e3 * self.users, 1e5)

    def after(self, visited: Iterable[int], readings: int) -> float:
        """Seconds of what is done with the records of one model: lists, maps, probes.

        Args:
            visited: of each record, at how many layers and checkpoints it is probed.
            readings: labels that probes read there, each probe's counted.
        """
        seen = list(visited)
        probed = sum(self.probe(sites, readings).seconds for sites in seen) if readings else 0.0
        return ASSESS_SECONDS + len(seen) * MAP_SECONDS + probed


def total(steps: Iterable[Step]) -> Cost:
    """Sum seconds and disk of steps; memory is the largest."""
    found = list(steps)
    return Cost(
        sum(s.cost.seconds for s in found),
        max((s.cost.memory for s in found), default=0.0),
        sum(s.cost.disk for s in found),
    )


def misfits(steps: Iterable[Step], store: Folder, slots: int, memory: float | None) -> list[Problem]:
    """What cannot fit: ``slots`` steps at a time in ``memory`` (None: not known), or all on the store's disk."""
    found = sorted(steps, key=lambda s: -s.cost.memory)
    cost, problems = total(found), []
    peak = sum(s.cost.memory for s in found[:slots])
    if memory is not None and peak > memory:
        title = found[0].title
        problems.append(
            Problem(
                f"about {peak / 1e9:.1f} GB of memory needed (most for: {title}), {memory / 1e9:.1f} GB available",
                "memory",
                "use a smaller dim, more workers, or a machine with more memory (--executor ray --address ...)",
            )
        )
    free = store.free_bytes()
    if free is not None and MARGIN * cost.disk > free:
        problems.append(
            Problem(
                f"about {MARGIN * cost.disk / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free",
                f"disk of {store.uri}",
                "keep fewer checkpoints (train.keep: labelled) or choose another --store",
            )
        )
    return problems
