"""Whether recommenders can be fitted to what a study gives them, found out on a toy graph of the same kind.

What a recommender needs (a relation between users, another relation beside it, features, weights) it says when it is
fitted. So each is first given a few edges of the study's kind, which takes milliseconds: what it refuses there is told
before anything runs.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow.compute as pc

from hemicycle.core.errors import InputError, Problem
from hemicycle.core.seeding import rng
from hemicycle.data.schema import Dataset, Relation
from hemicycle.graphs.interaction import Features, InteractionGraph
from hemicycle.recommenders.base import ClosedFormRecommender, EmbeddingRecommender, IterativeRecommender
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.models import relation_of
from hemicycle.studies.simulated import MemberMediator
from hemicycle.training.group import Group
from hemicycle.training.options import TrainingOptions

_NODES = 6
_WIDEST = 1024
"""Fits of their own with a larger ``dim`` are not rehearsed: their dense layers would take time and memory."""


def rehearsal(config: StudyConfig, dataset: Dataset) -> Iterator[Problem]:
    """Yield what the members and mediators of a study refuse in the graphs that they would be fitted to."""
    graph = toy_graph(config, dataset) if config.population or config.searches else _ring(social=True, directed=True)
    for name, member in config.population.items():
        if member.recommender is not None:
            train = member.train or config.train
            yield from _told(f"population.{name}", refusals(member.recommender, graph, train, member.workers))
    for name, search in config.searches.items():
        for key, branch in search.branches.items():
            found = refusals(branch.recommender, graph, config.train.replace(**branch.train), search.workers)
            yield from _told(f"searches.{name}.branches.{key}", found)
    for name, simulation in config.simulations.items():
        for mediator, recommender in simulation.mediators.items():
            if isinstance(recommender, MemberMediator):
                continue
            social = simulation.listed_by(mediator) != {"items"}
            found = refusals(recommender, _ring(social=social, directed=_directed(config)), simulation.mediator_train)
            yield from _told(f"simulations.{name}.mediators.{mediator}", found)


def _directed(config: StudyConfig) -> bool:
    """Whether follows of the society's users are directed."""
    return config.society is None or config.society.follows.directed


def _told(place: str, problems: list[Problem]) -> Iterator[Problem]:
    for problem in problems:
        yield replace(problem, where=f"{place} ({problem.where})" if problem.where else place)


def refusals(recommender: Any, graph: InteractionGraph, train: TrainingOptions, workers: int = 1) -> list[Problem]:
    """Return why a recommender cannot be fitted to graphs of this kind; empty where nothing is known against it.

    Args:
        recommender: its configuration.
        graph: a toy.
        train: how it would be trained.
        workers: that would share the fit.
    """
    try:
        _begin(RECOMMENDER.build(recommender), graph, train, workers)
    except InputError as error:
        return list(error.problems)
    except Exception:  # noqa: BLE001 - a toy proves nothing else: the fit itself tells what fails, and records it
        return []
    return []


def _begin(recommender: Any, graph: InteractionGraph, train: TrainingOptions, workers: int) -> None:
    """Do the first thing that a fit does."""
    if isinstance(recommender, ClosedFormRecommender):
        recommender.fit(graph, rng("rehearsal"))
    elif isinstance(recommender, EmbeddingRecommender):
        recommender.parts(graph)
    elif isinstance(recommender, IterativeRecommender) and getattr(recommender.config, "dim", 1) <= _WIDEST:
        recommender.start(graph, train, 0, Group(world_size=workers))


def toy_graph(config: StudyConfig, dataset: Dataset) -> InteractionGraph:
    """Return a graph of a few edges with the kinds of relations and features that a study's graph has."""
    known = config.features
    features = Features(*(None if part is None else _alternating() for part in (known.users, known.items)))
    also = {name: _like(relation_of(dataset, name)) for name in config.also}
    return replace(_like(relation_of(dataset, config.relation)), features=features, also=also)


def _like(relation: Relation) -> InteractionGraph:
    """Return a toy of a relation's kind; where it has weights, all are its least."""
    graph = _ring(social=relation.social, directed=relation.directed)
    if "weight" not in relation.table.column_names:
        return graph
    least = pc.min(relation.table["weight"]).as_py()
    return replace(graph, weights=np.full(graph.n_edges, 1.0 if least is None else least, np.float32))


def _ring(*, social: bool, directed: bool) -> InteractionGraph:
    """Return a ring in which everyone has the next two."""
    users = np.repeat(np.arange(_NODES), 2)
    items = (users + np.tile([1, 2], _NODES)) % _NODES
    return InteractionGraph.from_edges(users, items, _NODES, _NODES, social=social, directed=directed)


def _alternating() -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.eye(2, dtype=np.float32)[np.arange(_NODES) % 2]
