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
from hemicycle.simulations.config import SimulationConfig
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
LISTED_FROM_FRIENDS = 10
"""How much longer a score takes of a friend of friends, who has to be found and whose vector is somewhere in memory."""
MOVE_SECONDS, MOVED_ENTRY = 5e-4, 1e-8
"""A step of an opinion model, and what it takes for each edge, user and dimension."""
METRIC_SECONDS, MEASURED_ENTRY = 1.2e-3, 1.5e-8
"""The cheap metrics of a step, and what they take for each edge and user."""
COSTLY_SECONDS, COSTLY_ENTRY = 5e-3, 1.2e-7
"""The costly metrics of a step, alike."""
ACT_SECONDS, ACTED_ENTRY = 1.5e-3, 1.5e-8
"""What users do in a step: follow, unfollow, click; alike."""
READ_SECONDS, READ_USER = 1e-2, 7e-6
"""One probe of what a mediator knows, and what it takes for each user and dimension."""
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
        return Cost(STEP_SECONDS + self.edges * 1.5e-6, BASE_MEMORY + 80 * self.edges, 12 * self.edges)

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

    def simulate(self, simulation: SimulationConfig, runs: int, dimensions: int = 1) -> Cost:
        """All runs of one seed: steps, cheap and costly metrics, refreshed lists.

        Args:
            simulation: how long, how often measured, and by what arms.
            runs: their number.
            dimensions: of the opinions.
        """
        entries = self.edges + self.users
        measured = 1 + simulation.steps // simulation.metrics_every
        costly = 2 + simulation.steps // simulation.costly_every if simulation.costly_every else 0
        moved = sum(self._moved(one, dimensions) for one in simulation.opinions) / len(simulation.opinions)
        acted = ACT_SECONDS + entries * ACTED_ENTRY if simulation.conduct is not None else 0.0
        watched = measured * (METRIC_SECONDS + entries * MEASURED_ENTRY) + costly * (
            COSTLY_SECONDS + entries * COSTLY_ENTRY
        )
        listed = sum(self._refreshed(arm, simulation, dimensions) for arm in simulation.arms) / len(simulation.arms)
        seconds = runs * (simulation.steps * (moved + acted) + watched + listed)
        return Cost(STEP_SECONDS + seconds, BASE_MEMORY + 200.0 * entries, 1e5)

    def _moved(self, opinion: Any, dimensions: int) -> float:
        """Seconds of a step of an opinion model; one that moves pairs in turn does not look at all edges."""
        pairs = hasattr(opinion, "pairs_per_step")
        entries = 10 * (opinion.pairs_per_step or self.users) if pairs else self.edges + self.users
        return float(MOVE_SECONDS + entries * dimensions * MOVED_ENTRY)

    def _refreshed(self, arm: Any, simulation: SimulationConfig, dimensions: int) -> float:
        """Seconds of all refreshes of an arm's model: lists, probes, and training it again."""
        if not hasattr(arm, "update"):
            return 0.0
        again = (simulation.steps - 1) // arm.refresh if arm.refresh else 0
        rivals = self.users if arm.candidates == "all" else LISTED_FROM_FRIENDS * min(self.users, arm.most_candidates)
        seconds = (1 + again) * self.users * rivals * 64 / SCORED_PER_SECOND if arm.strength else 0.0
        if simulation.knowledge is not None:
            users, reads = min(self.users, simulation.knowledge.users), 4 if simulation.knowledge.untrained else 2
            seconds += (1 + again) * reads * (READ_SECONDS + users * dimensions * READ_USER)
        return float(seconds + (again * self._retrained(arm, simulation) if arm.update == "retrain" else 0.0))

    def _retrained(self, arm: Any, simulation: Any) -> float:
        """Seconds of training a mediator again, the mean of those that are trained in the study."""
        train = simulation.mediator_train.replace(epochs=arm.retrain.epochs)
        known = [one for one in simulation.mediators.values() if isinstance(one, EmbeddingConfig)]
        return sum(START_SECONDS + self._steps(one, train, 1)[0] for one in known) / max(1, len(known))

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
