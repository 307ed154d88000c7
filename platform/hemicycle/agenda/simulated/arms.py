"""By what score each arm of a mediated agenda lists news."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of, keyed_uniform, rng
from hemicycle.exposure.mediator import Mediator
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import Scores

Arm = Literal["none", "random", "popularity", "model", "untrained", "permuted"]
"""``none``: no lists; ``random``: a number for each member and item; ``popularity``: how often an item was taken, the
same list for everybody; ``model``: the trained recommender; ``untrained``: the same before training; ``permuted``: the
trained one, but every user gets the list of another, so that groups are shown alike what the model shows to all."""


def arm_scores(arm: Arm, mediator: Mediator, seed: int) -> Scores | None:
    """Return the scores of an arm; None where it lists nothing: ``none``, and ``untrained`` of a closed form.

    Args:
        arm: which.
        mediator: the trained model with the graph of who took what.
        seed: key of random scores and of the permutation.
    """
    made: dict[str, Callable[[], Scores | None]] = {
        "none": lambda: None,
        "random": lambda: _random(mediator.context, seed),
        "popularity": lambda: _popular(mediator.context),
        "model": lambda: mediator.served,
        "untrained": lambda: _untrained(mediator),
        "permuted": lambda: _permuted(mediator.served, mediator.context.n_users, seed),
    }
    return made[arm]()


def _random(graph: InteractionGraph, seed: int) -> Scores:
    key, items = key_of("random lists of news", seed), np.arange(graph.n_items)
    return lambda users: keyed_uniform(key, np.asarray(users), items)


def _popular(graph: InteractionGraph) -> Scores:
    taken = np.bincount(graph.indices, minlength=graph.n_items).astype(np.float64)
    return lambda users: np.broadcast_to(taken, (len(users), len(taken)))


def _untrained(mediator: Mediator) -> Scores | None:
    control = mediator.untrained()
    return None if control is None else control.served


def _permuted(scores: Scores, n_users: int, seed: int) -> Scores:
    other: NDArray[np.integer[Any]] = rng("permuted users", seed).permutation(n_users)
    return lambda users: scores(other[np.asarray(users)])
