"""A trained recommender inside a simulation: what it lists, how it is brought up to date, what it is made to forget.

In a loop::

    raise_problems(mediator.problems(scene, options, knowledge=...))          # before anything runs
    if exposure.redraws(step):                                                # a refresh
        mediator = mediator.refreshed(Occasion(scene, opinions, innate, step, log.clicks()), options)
        lists, scores = mediator.lists(scene, k, options)
    elif changes.rewires:                                                     # between refreshes
        lists[users], scores[users] = mediator.lists(scene, k, options, users)
    arrays = mediator.state(); mediator = mediator.restored(arrays)           # a snapshot and its restart
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.core.errors import InputError, Problem
from hemicycle.core.seeding import key_of
from hemicycle.exposure.base import Scene
from hemicycle.exposure.edge_log import Pairs, no_pairs, with_edges
from hemicycle.exposure.mediator_checks import context_problems, graph_arrays, graph_from, named, no_vectors
from hemicycle.exposure.recommended import ErasureConfig, RecommendedConfig
from hemicycle.exposure.retraining import retrained, untrained
from hemicycle.exposure.serving import listed
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions
from hemicycle.recommenders.base import ClosedFormRecommender, Parameters, Recommender
from hemicycle.recommenders.scoring import DotScores, Scores
from hemicycle.training.options import TrainingOptions
from hemicycle.transforms.erasers import Eraser, EraserOptions, fit, label_columns

_ERASER = ("mean", "left", "right")


@dataclass(frozen=True, eq=False)
class Occasion:
    """What a refresh goes by.

    Args:
        scene: its graph is whom users follow now.
        opinions: current opinions, shape (n_users, n_dims).
        innate: opinions at the start, shape (n_users, n_dims).
        step: number of the step.
        clicks: what users clicked since the start, with repetitions, shape (m, 2).
    """

    scene: Scene
    opinions: Opinions
    innate: Opinions
    step: int
    clicks: Pairs = field(default_factory=no_pairs)


@dataclass(frozen=True, eq=False)
class Erased:
    """Erasure in force since the last refresh.

    Args:
        eraser: what is taken away.
        config: how much and where.
    """

    eraser: Eraser
    config: ErasureConfig


@dataclass(frozen=True, eq=False)
class Mediator:
    """A trained recommender that mediates; frozen, a refresh returns another one.

    Args:
        recommender: any of the catalogue.
        parameters: as trained, or as retrained.
        context: the graph whose vectors and scores they are: users x users, or users x items.
        training: how it was trained, and is trained again.
        seed: key of its training.
        erased: erasure in force.
        fitted: step at which it was last retrained; -1: parameters are as they came.
        embedded: step at which its context was last replaced; -1: as it came.
        held: scores of these parameters in this context, where they were made before.
    """

    recommender: Recommender
    parameters: Parameters
    context: InteractionGraph
    training: TrainingOptions = field(default_factory=TrainingOptions)
    seed: int = 0
    erased: Erased | None = None
    fitted: int = -1
    embedded: int = -1
    held: Scores | None = field(default=None, repr=False)

    @cached_property
    def scoring(self) -> Scores:
        """The model's own scores, without erasure.

        Raises:
            InputError: the parameters belong to another graph.
        """
        return self.held or self.recommender.scores(self.parameters, self.context)

    @cached_property
    def served(self) -> Scores:
        """Scores by which lists are made: the model's own after erasure, the very same object without any."""
        if self.erased is None or not isinstance(self.scoring, DotScores):
            return self.scoring
        users, items = self.scoring.users, self.scoring.items
        site = self.erased.config.site
        return replace(
            self.scoring,
            users=users if site == "items" else self._less(users),
            items=items if site == "users" else self._less(items),
        )

    def _less(self, vectors: torch.Tensor) -> torch.Tensor:
        assert self.erased is not None
        return torch.from_numpy(self.erased.eraser.apply(vectors.cpu().numpy(), self.erased.config.strength))

    def vectors(self) -> NDArray[np.floating[Any]] | None:
        """Users' vectors as they score, after erasure, shape (n_users, d); None for a model without vectors."""
        if isinstance(self.served, DotScores):
            return self.served.users.cpu().numpy()
        found = self.recommender.embed(self.parameters, self.context)
        return None if found is None else np.asarray(found.users)

    def lists(
        self, scene: Scene, k: int, options: RecommendedConfig, users: NDArray[np.integer[Any]] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the k best candidates of users, best first, by the model's own score after erasure.

        Friends are candidates who are not followed in ``scene.graph``; items those that the user has not taken in the
        mediator's context. Ids of items begin at n_users.

        Args:
            scene: whom users follow now.
            k: length of the lists.
            options: which candidates.
            users: only these, for what changed between two refreshes; None: all.

        Returns:
            Sources, -1 where a list ends, and their scores, -inf there; both of shape (len(users), k).
        """
        chosen = np.arange(scene.graph.n_users) if users is None else np.asarray(users)
        if self.context.social:
            return listed(self.served, scene.graph, chosen, k, options.candidate_plan(scene.seed))
        ids, scores = listed(self.served, self.context, chosen, k, options.candidate_plan(scene.seed))
        return np.where(ids >= 0, ids + np.int32(scene.graph.n_users), ids), scores

    # -- refreshes -------------------------------------------------------------------------------------------------

    def refreshed(self, occasion: Occasion, options: RecommendedConfig) -> "Mediator":
        """Return the mediator brought up to date as ``options.update`` says, with its erasure fitted anew."""
        return self.updated(occasion, options).erasing(occasion, options.erase)

    def updated(self, occasion: Occasion, options: RecommendedConfig) -> "Mediator":
        """Return the mediator brought up to date; at step 0 it is as it came.

        ``never``: itself. ``re-embed``: the same parameters in the current graph; this changes models whose vectors
        are made from the graph (LightGCN, networks, ...) and popularity, but for matrix factorisation nothing.
        ``retrain``: fitted in this process on the current graph with clicks as further edges, keyed by seed and step.

        Raises:
            HemicycleError: training diverged.
        """
        if options.update == "never" or occasion.step == 0:
            return replace(self, held=self.scoring)
        again = options.update == "retrain"
        context = self.current(occasion, clicks=again)
        if not again:
            return replace(self, context=context, embedded=occasion.step, held=None)
        if not context.n_edges:  # nothing to learn from
            return replace(self, held=self.scoring)
        training = self.training.replace(epochs=options.retrain.epochs)
        before = self.parameters if options.retrain.start == "warm" else None
        key = key_of("retraining", self.seed, occasion.step)
        parameters = retrained(self.recommender, context, training, key, before)
        now = occasion.step
        return replace(self, parameters=parameters, context=context, held=None, fitted=now, embedded=now)

    def current(self, occasion: Occasion, *, clicks: bool) -> InteractionGraph:
        """Return the mediator's graph as it is now.

        Between users: whom they follow now and, for a retraining, the users they clicked. Between users and items:
        what they took and clicked; the one relation between users that stands beside it is whom they follow now.
        """
        now = occasion.scene.graph
        if self.context.social:
            known = replace(now, features=self.context.features, also=self.context.also)
            return with_edges(known, occasion.clicks) if clicks else known
        friends = [name for name, other in self.context.also.items() if other.social]
        also = dict(self.context.also)
        if len(friends) == 1:
            also[friends[0]] = replace(now, features=also[friends[0]].features)
        taken = occasion.clicks - np.array([0, now.n_users], np.int32)
        return with_edges(replace(self.context, also=also), taken)

    def erasing(self, occasion: Occasion, config: ErasureConfig | None) -> "Mediator":
        """Return the mediator with its erasure fitted to the users' vectors and opinions of this moment.

        Dimensions in which all users agree hold nothing to erase. Strength 0 is no erasure at all, to the last bit.

        Raises:
            InputError: the model has no vectors that score.
        """
        if config is None or config.strength == 0:
            return replace(self, erased=None, held=self.scoring)
        labels = np.asarray(occasion.innate if config.of == "initial" else occasion.opinions, np.float64)
        varying = labels[:, np.ptp(labels, axis=0) > 0]
        if not varying.shape[1]:
            return replace(self, erased=None, held=self.scoring)
        if not isinstance(self.scoring, DotScores):
            raise InputError([no_vectors(self.recommender.config.model, "erased from")])
        chosen = EraserOptions(**{name: getattr(config, name) for name in EraserOptions.model_fields})
        eraser = fit(self.scoring.users.cpu().numpy(), label_columns(list(varying.T)), chosen)
        return replace(self, erased=Erased(eraser, config), held=self.scoring)

    def untrained(self) -> "Mediator | None":
        """Return its control: the same model before training, in the same graph, without erasure.

        None for a closed form, which has no such state.
        """
        if isinstance(self.recommender, ClosedFormRecommender):
            return None
        parameters = untrained(self.recommender, self.context, self.training, self.seed)
        return replace(self, parameters=parameters, erased=None, held=None)

    # -- checks and snapshots --------------------------------------------------------------------------------------

    def problems(self, scene: Scene, options: RecommendedConfig, *, knowledge: bool = False) -> list[Problem]:
        """What is wrong with mediating in this scene; empty when nothing is.

        Args:
            scene: the society at the start.
            options: what is asked for.
            knowledge: True when probes will read the users' vectors.
        """
        found = context_problems(self.context, scene, options)
        if found:
            return found
        try:
            scores = self.scoring
        except InputError as error:
            return list(error.problems)
        if options.erase is not None and options.erase.strength and not isinstance(scores, DotScores):
            found.append(no_vectors(self.recommender.config.model, "erased from"))
        if knowledge and self.vectors() is None:
            found.append(no_vectors(self.recommender.config.model, "probed"))
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what changed since the start as arrays, for a snapshot; parameters that never change are left out."""
        arrays: dict[str, Any] = {"steps": np.array([self.fitted, self.embedded])}
        if self.fitted >= 0:
            arrays |= {f"parameter.{name}": np.asarray(array) for name, array in self.parameters.items()}
        if self.embedded >= 0:
            arrays |= graph_arrays(self.context)
        if self.erased is not None:
            arrays |= {f"eraser.{name}": getattr(self.erased.eraser, name) for name in _ERASER}
        return arrays

    def restored(self, arrays: Mapping[str, NDArray[Any]], options: RecommendedConfig) -> "Mediator":
        """Return the mediator that this one, as it was at the start, had become when :meth:`state` was taken."""
        fitted, embedded = (int(step) for step in arrays["steps"])
        parameters = named(arrays, "parameter.") if fitted >= 0 else self.parameters
        context = graph_from(arrays, self.context) if embedded >= 0 else self.context
        parts, erased = named(arrays, "eraser."), None
        if parts and options.erase is not None:
            erased = Erased(Eraser(**parts), options.erase)
        return replace(
            self, parameters=parameters, context=context, erased=erased, fitted=fitted, embedded=embedded, held=None
        )
