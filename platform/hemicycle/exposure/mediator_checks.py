"""What can be wrong with a mediator, found before anything runs; and its graph as arrays of a snapshot."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import Problem
from hemicycle.exposure.base import Scene
from hemicycle.exposure.recommended import RecommendedConfig
from hemicycle.graphs.interaction import InteractionGraph

_GRAPH = ("indptr", "indices", "weights")


def context_problems(context: InteractionGraph, scene: Scene, options: RecommendedConfig) -> list[Problem]:
    """What is wrong with a model of this graph for mediating in this scene; empty when nothing is."""
    known, wanted, label = context.n_users, scene.graph.n_users, f"the mediator of the arm {options.label!r}"
    if known < wanted:
        remedy = "train it on the follows of all users of the society, or leave the others out"
        return [Problem(f"{label} knows {known} users, fewer than the society's {wanted}", remedy=remedy)]
    if known > wanted:
        remedy = "mediate by a model that was trained on this society's own users"
        return [Problem(f"{label} is of another population: of {known} users, not {wanted}", remedy=remedy)]
    if context.social != (options.of == "users"):
        is_of, other = ("users", "items") if context.social else ("items", "users")
        what = f"{label} recommends {is_of}, and the arm asks for {other}"
        return [Problem(what, remedy=f"set the arm's 'of' to {is_of}, or name another model")]
    return _item_problems(context, scene, options) + _candidate_problems(context, options)


def _item_problems(context: InteractionGraph, scene: Scene, options: RecommendedConfig) -> list[Problem]:
    have = 0 if scene.items is None else len(scene.items)
    if context.social or have == context.n_items:
        return []
    what = f"the mediator of the arm {options.label!r} lists {context.n_items} items, and {have} have positions"
    return [Problem(what, remedy="give the society's items positions, in the order in which the model knows them")]


def _candidate_problems(context: InteractionGraph, options: RecommendedConfig) -> list[Problem]:
    if options.candidates == "friends_of_friends" and not context.social:
        what = f"candidates of the arm {options.label!r} are friends of friends, and the model lists items"
        return [Problem(what, remedy="set 'candidates' to all")]
    most = context.n_users - 1 if context.social else context.n_items
    if options.candidates == "friends_of_friends":
        most = min(most, options.most_candidates)
    if options.k <= most:
        return []
    what = f"k = {options.k} of the arm {options.label!r} is larger than its {most} candidates"
    return [Problem(what, remedy=f"lower k to at most {most}, or raise 'most_candidates'")]


def no_vectors(model: str, purpose: str) -> Problem:
    """Say that a model has no vectors for a purpose."""
    remedy = "mediate by a model with vectors that score, such as mf, lightgcn or ials, or leave this out"
    return Problem(f"{model} has no vectors that could be {purpose}", remedy=remedy)


# -- a snapshot ------------------------------------------------------------------------------------------------------


def graph_arrays(graph: InteractionGraph, prefix: str = "context") -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph and of the other relations beside it; features stay what they were."""
    found = {f"{prefix}.{name}": getattr(graph, name) for name in _GRAPH}
    own = {name: np.asarray(array) for name, array in found.items() if array is not None}
    return own | {
        k: v for name, other in graph.also.items() for k, v in graph_arrays(other, f"{prefix}.{name}").items()
    }


def graph_from(
    arrays: Mapping[str, NDArray[Any]], before: InteractionGraph, prefix: str = "context"
) -> InteractionGraph:
    """Return the graph of :func:`graph_arrays`, with what is known of the nodes of the graph that it once was."""
    found: dict[str, Any] = {name: arrays.get(f"{prefix}.{name}") for name in _GRAPH}
    also = {name: graph_from(arrays, other, f"{prefix}.{name}") for name, other in before.also.items()}
    return replace(before, **found, times=None, also=also)


def named(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): np.asarray(a) for name, a in arrays.items() if name.startswith(prefix)}
