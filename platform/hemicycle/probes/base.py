"""What a probe is, and the table that all of them fill.

A new probe is one file with a class of this protocol and one line in ``probes/catalogue.py``; from another package
it is named ``"package.module:Class"``. It is never called alone: :func:`hemicycle.probes.probe.probe_embedding`
runs it on the vectors and, by the same folds, on every control.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.probes.multiplicity import adjust

_TEXT = ("record_id", "name", "family", "status", "layer", "entity", "attribute", "scope", "probe", "cv")
_COUNTS = ("seed", "epoch", "n", "n_groups")
RECORD = ("record_id", "name", "family", "seed", "status", "layer", "epoch")
"""Columns that say whose vectors were probed; the caller gives them."""
PROBE = (
    *RECORD,
    *("entity", "attribute", "scope", "probe", "cv", "n", "n_groups", "score_name", "score", "ci_low", "ci_high"),
    *("control", "control_score", "control_low", "control_high", "selectivity"),
    *("partial_r2", "partial_low", "partial_high", "p_value"),
)
"""Columns of a row: one row a control; ``n_groups`` is 0 where neither folds nor scope use groups."""


def _type(column: str) -> pa.DataType:
    if column in _COUNTS:
        return pa.int64()
    return pa.string() if column in (*_TEXT, "score_name", "control") else pa.float64()


ADJUSTED = ("p_holm", "p_bh")
"""Columns that only a whole table has: p-values corrected over the attributes of one reading."""
PROBE_SCHEMA = pa.schema([(column, _type(column)) for column in (*PROBE, *ADJUSTED)])
"""Arrow schema of the probe table."""
_LATER: list[tuple[float, ...]] = [(0, 0), (0.1, 0), (1, 0), (0, 0.1), (0, 1), (0.1, 0.1), (0.1, 1), (1, 1)]
"""Weights of the second and third of three blocks."""
Row = dict[str, Any]
"""One row of a table, by column."""


def probe_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows of probes as one table, with p-values corrected over attributes, see ``probes/multiplicity.py``."""
    table = pa.Table.from_pylist([dict(row) for row in rows], PROBE_SCHEMA)
    adjusted = adjust(table.to_pandas())
    for name in ADJUSTED:
        values = pa.array(adjusted[name].to_numpy(float), from_pandas=False)
        table = table.set_column(table.schema.get_field_index(name), PROBE_SCHEMA.field(name), values)
    return table


class ProbeConfig(Options):
    """Base of every probe's configuration."""

    probe: str
    """Short name of the probe, or ``package.module:Class``."""
    labels: tuple[str, ...] = ()
    """Attributes to read out; empty for every label column of a type that the probe can read."""
    entity: Literal["user", "item", "edge"] = "user"
    """Whose vectors are read; an edge is a user and an item, or two users."""
    reads: Literal["vectors", "lists"] = "vectors"
    """What is read: a model's vectors, or only the lists that it recommends, as an outsider sees them."""
    seed: int = 0
    """Keys folds, permutations and bootstrap; all models share them."""
    folds: int = Field(5, ge=3, le=20)
    """Outer folds. Penalties are chosen on the others: each in turn is held out inside a training set."""
    permutations: int = Field(20, ge=20)
    """Permuted labels of the control; no p-value is below 1 / (1 + permutations), which correction multiplies."""
    replicates: int = Field(1000, ge=1000)
    """Bootstrap replicates of each interval."""


@dataclass(frozen=True, eq=False)
class Task:
    """Labels to be predicted out of fold.

    Args:
        blocks: predictors, each (n, d_b); in a joint model each block has its own share of the penalty.
        labels: shape (n, t): t columns are fitted side by side, each with its own penalty.
        folds: fold of each row, shape (n,), 0 ... k - 1.
        centre: group of each row, shape (n,): numeric labels are centred by the means of these groups in the
            training folds (a group unseen there by the mean of all). One group: plain centring.
        outer: folds to be predicted; empty: all. Rows of other folds are NaN in the result.
        copies: the last so many columns are permuted labels of which only the score is wanted, never a prediction.
            Given to probes with a class attribute ``scores_copies = True``; others predict them like the first.
    """

    blocks: tuple[NDArray[np.floating], ...]
    labels: NDArray[Any]
    folds: NDArray[np.integer]
    centre: NDArray[np.integer]
    outer: tuple[int, ...] = ()
    copies: int = 0

    @property
    def shown(self) -> int:
        """Number of columns that are predicted row by row."""
        return int(self.labels.shape[1]) - self.copies

    @property
    def predicted(self) -> tuple[int, ...]:
        """The outer folds that are predicted."""
        return self.outer or tuple(range(int(self.folds.max()) + 1))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of folds held out together: the fit without both judges penalties on one for the other."""
        every = combinations(range(int(self.folds.max()) + 1), 2)
        return [pair for pair in every if set(pair) & set(self.predicted)]

    @property
    def shares(self) -> list[tuple[float, ...]]:
        """Weights of the standardised blocks among which nested folds choose.

        One block has the weight 1. Of several, later ones may be shrunk more than the first or left out, or the first
        more than the last, so that a joint model contains the smaller ones (banded ridge: Nunez-Elizalde, Huth &
        Gallant, NeuroImage 2019); under one common penalty useless columns would spoil good ones.
        """
        few: dict[int, list[tuple[float, ...]]] = {1: [()], 2: [(0.0,), (0.1,), (1.0,)]}
        later = few.get(len(self.blocks), _LATER)
        first = [(0.1, *share) for share in later if share and share[-1] == 1]
        return [(1.0, *share) for share in later] + first

    @property
    def margin(self) -> float:
        """By how much -2 log likelihood must fall for a later share to be chosen over the first, log n.

        The price of one parameter by Schwarz (Annals of Statistics 1978): the best of several useless fits often seems
        a little better than none, and would make what is added to covariates look worse than nothing out of fold.
        """
        return float(np.log(len(self.labels)))

    def weights(self, share: tuple[float, ...]) -> NDArray[np.float64]:
        """Weight of each column of the joined blocks, shape (sum of d_b,)."""
        return np.repeat(share, [block.shape[1] for block in self.blocks])


@dataclass(frozen=True, eq=False)
class ProbeResult:
    """What a probe predicts for users on whom it was not fitted.

    Args:
        predictions: out of fold: numbers (n, t) or probabilities of classes (n, t, classes).
        baseline: what the training folds predict without vectors, of the same shape: (group) means, or the
            classes' shares.
        penalties: chosen penalty relative to the number of training rows, shape (folds, t).

        scores: score of each column, (t,), from probes that need no predictions for it; else None.

    Rows of folds that the task leaves out are NaN. Of a task's ``copies`` there are penalties and scores alone.
    """

    predictions: NDArray[np.float64]
    baseline: NDArray[np.float64]
    penalties: NDArray[np.float64]
    scores: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Statistic:
    """A function of sums over users, so that a bootstrap replicate is one weighted sum.

    Args:
        terms: what each user adds, shape (n, m).
        combine: sums (..., m) -> values (...); NaN where undefined.
    """

    terms: NDArray[np.float64]
    combine: Callable[[NDArray[np.float64]], NDArray[np.float64]]

    @property
    def value(self) -> float:
        """The statistic of all users."""
        return float(self.combine(self.terms.sum(axis=0)))


class Probe(Protocol):
    """Reads labels out of vectors."""

    Config: ClassVar[type[Any]]
    score_name: ClassVar[str]
    """``r2``, ``balanced_accuracy``, ...; higher is better."""
    stratified: ClassVar[bool]
    """True when labels are classes, of which every fold gets its share."""

    def __init__(self, config: Any) -> None: ...

    def read(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return labels (n,) as numbers or class codes; InputError when this probe cannot read them."""

    def fit(self, task: Task) -> ProbeResult:
        """Predict every column of labels out of fold, penalties chosen on nested folds."""

    def score(self, labels: NDArray[Any], result: ProbeResult, column: int = 0) -> Statistic:
        """Return the score of one column of labels, shape (n,)."""

    def errors(self, labels: NDArray[Any], result: ProbeResult) -> NDArray[np.float64]:
        """Return the squared (Brier) errors of the first column, shape (n,), of which partial R2 is made."""
