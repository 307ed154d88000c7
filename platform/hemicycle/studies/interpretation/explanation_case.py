"""What is explained: a record, whose users' lists, along which attitudes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.records import ModelRecord
from hemicycle.core.seeding import rng
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset, is_public, with_role
from hemicycle.evaluation.ranking import sample_users, top_k
from hemicycle.evaluation.reference_lists import random_lists
from hemicycle.explanation.axes import AxisPlan, attitude_axis
from hemicycle.explanation.shares import Axis, Vectors
from hemicycle.graphs.splits import Split
from hemicycle.population.population import recommender_of
from hemicycle.recommenders.base import Recommender
from hemicycle.recommenders.scoring import DotScores
from hemicycle.studies.interpretation.explanation_rows import Ends
from hemicycle.studies.sides import label_values
from hemicycle.training.checkpoints import Checkpoints

LEAST = 10
"""Users with a label from whom an axis is learnt."""


class ExplainOptions(Options):
    """The explanations of one record."""

    record: dict[str, Any] = Field(default_factory=dict)
    """The record."""
    k: int = Field(20, ge=1)
    """Length of the lists."""
    test_users: int = Field(20_000, ge=1)
    """Users at most, the same as in the test."""
    labels: tuple[str, ...] = ()
    """Attitudes whose axes are explained; empty: every label. Of classes the two most frequent are set against each
    other."""
    learn: Literal["covariance", "ridge"] = "covariance"
    """How an axis is found, see :func:`hemicycle.transforms.direction.learn`."""
    draws: int = Field(20, ge=2)
    """Random directions, and permutations of the labels, against which shares are held."""
    removals: int = Field(5, ge=2)
    """Of these, how many are also removed, against which the changes of lists are held."""
    margin: float = Field(0.05, ge=0, lt=1)
    """How clearly an item's audience must lean for the item to be of a side."""
    pairs: int = Field(12, ge=0)
    """Recommendations whose edges are explained, of graph networks; 0: none."""
    method: Literal["gnn", "captum", "gradient"] = "gnn"
    """By which explainer: GNNExplainer, integrated gradients (needs captum), or gradients of the edges' weights."""
    examples: int = Field(3, ge=0)
    """Recommendations to public people that are explained one by one."""


@dataclass(frozen=True, eq=False)
class Case:
    """All that is needed to explain one record.

    Args:
        options: how.
        record: of the model.
        dataset: its people.
        parts: its graph.
        scores: what it gives them.
        model: folder of the model.
    """

    options: ExplainOptions
    record: ModelRecord
    dataset: Dataset
    parts: Split
    scores: DotScores
    model: Folder

    @property
    def public(self) -> bool:
        """Whether its people are."""
        return is_public(self.dataset.users)

    @cached_property
    def users(self) -> NDArray[np.integer]:
        """Whose lists are explained."""
        return sample_users(self.parts.test if self.parts.test.n_edges else self.parts.context, self.options.test_users)

    @cached_property
    def lists(self) -> NDArray[np.int32]:
        """What is recommended to them."""
        return top_k(self.scores, [self.parts.context, self.parts.valid], self.users, self.options.k)

    @cached_property
    def random(self) -> NDArray[np.int32]:
        """Lists of items that are not theirs, drawn at random: what lists that know nothing look like."""
        return random_lists([self.parts.context, self.parts.valid], self.users, self.options.k, rng("random lists"))

    @cached_property
    def vectors(self) -> Vectors:
        """What scores."""
        return Vectors.of(self.scores)

    @cached_property
    def plan(self) -> AxisPlan:
        """How axes are found."""
        return AxisPlan(self.options.learn, self.options.draws)

    @cached_property
    def labelled(self) -> dict[str, NDArray[np.float64]]:
        """Attitude -> users' values; attitudes that hardly anyone has, or that do not differ, are left out."""
        names = self.options.labels or tuple(with_role(self.dataset.users, "label"))
        found = {name: label_values(self.dataset, name) for name in names}
        enough = {name: np.isfinite(values).sum() >= LEAST for name, values in found.items()}
        return {name: v for name, v in found.items() if enough[name] and np.ptp(v[np.isfinite(v)]) > 0}

    @cached_property
    def axes(self) -> dict[str, Axis]:
        """Attitude -> its axis."""
        return {name: attitude_axis(name, self.vectors.users, v, self.plan) for name, v in self.labelled.items()}

    @cached_property
    def ends(self) -> dict[str, Ends]:
        """Attitude -> its two ends."""
        graph, margin = self.parts.context, self.options.margin
        return {name: Ends.of(self.dataset, graph, name, margin) for name in self.labelled}

    @cached_property
    def recommender(self) -> Recommender | None:
        """The recommender, of a record that one of ours made."""
        return recommender_of(self.record) if "recommender" in self.record.config else None

    def parameters(self) -> Mapping[str, NDArray[np.floating]]:
        """Return the parameters of its best checkpoint."""
        return Checkpoints(self.model).load(self.record.best_epoch)
