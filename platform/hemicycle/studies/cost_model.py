"""What one step of training an embedding costs: seconds, memory, bytes sent; constants fitted to measurements.

A step of L layers on n nodes and m edges, whose table has d columns of which each of R workers holds c = d / R, has for
each worker a time linear in

- 4 L m c, the floats that propagation gathers forward and backward, and the share max(0, 1 - 64 MB / 4 n c) of them
  that no cache is expected to hold,
- n c, the floats of a table, which Adam and propagation pass over several times,
- P c and P, the floats that the step's P pairs gather, and the pairs themselves, which are looked up and sorted,
- U K d / R, the multiplications of the step's U users with their K distinct shared negatives,

and a constant; and memory linear in n c, m and P c. The constants are found by non-negative least squares on the
relative error over ``measured_steps.csv``: processor seconds (the least of a few steps) and peak resident bytes, one
thread a worker, single precision, on a busy two-core Intel Xeon with AVX-512. Rows that are held out, on Gowalla and on
a million nodes, are missed by 6 to 25 % of their time and 0 to 10 % of their memory. What is sent follows from
counting (:class:`hemicycle.training.exchange.Load`), without constants.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from hemicycle.recommenders.base import EmbeddingConfig
from hemicycle.training.exchange import Load, Spread, cheapest
from hemicycle.training.options import TrainingOptions

_TABLE = Path(__file__).parent / "measured_steps.csv"
TIMES = ("gathered", "gathered from far", "table", "pair floats", "pairs", "scored", "one")
"""Terms of the time, each in units of a thousand million but the last."""
MEMORIES = ("table", "edges", "pair floats", "one")
"""Terms of the memory, likewise."""
_GIGA = 1e9
_CACHE = 64e6


@dataclass(frozen=True)
class Work:
    """One fit, as far as its steps' cost is concerned.

    Args:
        users: number.
        items: number.
        edges: of the training graph.
        layers: propagations.
        recommender: number of columns, similarity.
        options: batch, loss, negatives.
        workers: number.
    """

    users: float
    items: float
    edges: float
    layers: int
    recommender: EmbeddingConfig
    options: TrainingOptions
    workers: int = 1

    @property
    def columns(self) -> float:
        """Columns of one worker."""
        return self.recommender.dim / self.workers

    @property
    def nodes(self) -> float:
        """Rows of the table."""
        return self.users + self.items

    @property
    def load(self) -> Load:
        """Expected sizes of a step when edges spread evenly over items: no fewer rows than with popular items."""
        spread = Spread(np.array([self.edges / self.items]), np.array([self.items]))
        return Load.expected(self.users, spread, self.options, self.workers)

    @property
    def exchange(self) -> str:
        """How workers tell each other what they know."""
        return cheapest([self.load], self.options, self.recommender, self.workers)

    @property
    def bytes_sent(self) -> float:
        """Bytes that each worker sends in a step."""
        width = 8 if self.options.dtype == "float64" else 4
        return width * self.load.floats(self.options, self.recommender, self.workers)[self.exchange]

    @property
    def time_terms(self) -> NDArray[np.float64]:
        """Terms of the time, shape (7,), see ``TIMES``."""
        load, d = self.load, self.recommender.dim
        rivals = load.users * load.negatives if self.options.loss == "softmax" else load.negatives
        gathered, table = 4 * self.layers * self.edges * self.columns, self.nodes * self.columns
        far = gathered * max(0.0, 1 - _CACHE / (4 * table))
        terms = (gathered, far, table, load.pairs * self.columns, load.pairs, rivals * d / self.workers)
        return np.array([*terms, _GIGA]) / _GIGA

    @property
    def memory_terms(self) -> NDArray[np.float64]:
        """Terms of the memory, shape (4,), see ``MEMORIES``."""
        table, pair_floats = self.nodes * self.columns, self.load.pairs * self.columns
        return np.array([table, self.edges, pair_floats, _GIGA]) / _GIGA


@dataclass(frozen=True)
class Constants:
    """Seconds and bytes of each term.

    Args:
        seconds: shape (7,), see ``TIMES``.
        memory: shape (4,), see ``MEMORIES``.
    """

    seconds: NDArray[np.float64]
    memory: NDArray[np.float64]

    def step_seconds(self, work: Work) -> float:
        """Processor seconds of one worker for one step, on one core."""
        return float(work.time_terms @ self.seconds)

    def peak_memory(self, work: Work) -> float:
        """Peak bytes of one worker."""
        return float(work.memory_terms @ self.memory)


@dataclass(frozen=True)
class Measurement:
    """One measured fit.

    Args:
        work: what was trained.
        seconds: processor seconds of a step and worker.
        memory: peak resident bytes of the first worker.
        bytes_sent: in a step by the first worker.
        held_out: True when it checks the model instead of making it.
    """

    work: Work
    seconds: float
    memory: float
    bytes_sent: float
    held_out: bool


def measurements() -> list[Measurement]:
    """Return the stored measurements."""
    return [_measurement(row) for row in pd.read_csv(_TABLE).to_dict("records")]


def fitted(rows: Sequence[Measurement]) -> Constants:
    """Return the constants that minimise the sum of squared relative errors, none of them negative."""
    times = np.array([row.work.time_terms for row in rows])
    memories = np.array([row.work.memory_terms for row in rows])
    return Constants(
        _relative_nnls(times, np.array([row.seconds for row in rows])),
        _relative_nnls(memories, np.array([row.memory for row in rows])),
    )


@cache
def constants() -> Constants:
    """Return the constants of the stored measurements that are not held out."""
    return fitted([row for row in measurements() if not row.held_out])


def _relative_nnls(terms: NDArray[np.float64], measured: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = nnls(terms / measured[:, None], np.ones(len(measured)))[0]
    return found


def _measurement(row: dict[Hashable, Any]) -> Measurement:
    given = {name: int(row[name]) for name in ("users", "items", "edges", "layers", "workers")}
    recommender = EmbeddingConfig(model="measured", dim=int(row["dim"]))
    options = TrainingOptions.model_validate({name: row[name] for name in ("batch", "loss", "negatives")})
    work = Work(**given, recommender=recommender, options=options)
    seconds, memory, sent = (float(row[name]) for name in ("seconds", "memory", "bytes_sent"))
    return Measurement(work, seconds, memory, sent, bool(row["held_out"]))
