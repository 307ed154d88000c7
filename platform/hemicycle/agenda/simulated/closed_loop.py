"""The closed loop: members click on what their group attends to, and the recommender learns from their clicks.

Every day each sampled member clicks one item of her list, drawn with a probability in proportion to her group's
attention to the item's topic. Every few days the clicks of these days become further edges of the model's graph and
the model is trained again; random lists and those of an untrained model stay what they are.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.agenda.simulated.arms import Arm, arm_scores
from hemicycle.agenda.simulated.capacity import advance, shares
from hemicycle.agenda.simulated.generators import Course, dynamics, outside
from hemicycle.agenda.simulated.influence import AgendaSimulation
from hemicycle.agenda.simulated.newsfeed import Floats, ListOptions, Newsfeed, best, exposure, placed
from hemicycle.core.config import Options
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.edge_log import Pairs, no_pairs, with_edges
from hemicycle.exposure.mediator import Mediator
from hemicycle.exposure.retraining import RetrainConfig, retrained
from hemicycle.recommenders.scoring import Scores

_LEARNS = ("popularity", "model", "permuted")


class LoopOptions(Options):
    """A recommender that learns from clicks while the agenda goes on."""

    every: int = Field(default=7, ge=1)
    """Days between two trainings."""
    retrain: RetrainConfig = RetrainConfig()
    """How it is trained again."""


@dataclass(frozen=True, eq=False)
class Mediation:
    """What stands between the news and the groups in one arm.

    Args:
        arm: by what score.
        feed: items and users.
        mediator: the model as it came.
        lists: options of the lists.
        weight: of exposure, one number or one for each mediated group.
        seed: key of lists and clicks.
    """

    arm: Arm
    feed: Newsfeed
    mediator: Mediator
    lists: ListOptions
    weight: float | dict[str, float]
    seed: int


def in_loop(options: AgendaSimulation, given: Mediation, loop: LoopOptions, seed: int) -> tuple[Course, Floats]:
    """Simulate an agenda in a closed loop.

    Args:
        options: the agenda.
        given: the arm.
        loop: how often the model learns.
        seed: key of the agenda.

    Returns:
        The course and what the groups were shown less the baseline, shape (days, groups, topics).
    """
    moves, force = dynamics(options, seed), outside(options, seed)
    x = np.concatenate([moves.rest(), advance(moves, moves.rest(), force[: options.burn_in])])
    shown, start, lags = np.zeros((options.days, *force.shape[1:])), options.burn_in + options.lags, options.lags
    for first in range(0, options.days, loop.every):
        span = range(first, min(first + loop.every, options.days))
        scores = arm_scores(given.arm, given.mediator, given.seed)
        if scores is not None:
            seen = exposure(given.feed, scores, given.lists, span, given.seed)
            shown[span.start : span.stop] = placed(seen, given.feed, options.groups, 1.0)
            part = slice(options.burn_in + span.start, options.burn_in + span.stop)
            force[part] += placed(seen, given.feed, options.groups, given.weight)
        days = slice(options.burn_in + span.start, options.burn_in + span.stop)
        x = np.concatenate([x, advance(moves, x[len(x) - lags :], force[days])])
        if given.arm in _LEARNS and scores is not None and span.stop < options.days:
            now = shares(x[start + span.start :], moves.kind)
            given = replace(given, mediator=_learnt(given, options, loop, (scores, now, span)))
    course = x[start:]
    return Course(course, shares(course, moves.kind)), shown


def _learnt(
    given: Mediation, options: AgendaSimulation, loop: LoopOptions, seen: tuple[Scores, Floats, range]
) -> Mediator:
    """Return the mediator after the clicks of some days."""
    scores, attention, span = seen
    clicks = [no_pairs()]
    for group, name in enumerate(given.feed.groups):
        users = given.feed.members(group, given.lists.users, given.seed)
        column = attention[:, options.groups.index(name)]
        values = np.asarray(scores(users), np.float64)
        clicks += [clicked(given, users, values, day, column[day - span.start]) for day in span]
    context = with_edges(given.mediator.context, np.unique(np.concatenate(clicks), axis=0))
    mediator = replace(given.mediator, context=context, held=None)
    if given.arm == "popularity":
        return mediator
    training = mediator.training.replace(epochs=loop.retrain.epochs)
    before = mediator.parameters if loop.retrain.start == "warm" else None
    key = key_of("agenda retraining", mediator.seed, span.stop)
    return replace(mediator, parameters=retrained(mediator.recommender, context, training, key, before))


def clicked(given: Mediation, users: NDArray[np.int64], values: Floats, day: int, attention: Floats) -> Pairs:
    """Draw who clicks what on a day.

    Args:
        given: the arm.
        users: members of a group.
        values: their scores of all items.
        day: of the agenda.
        attention: of the group, shape (topics,).

    Returns:
        Users and items, shape (members, 2); none on a day without candidates.
    """
    pool = given.feed.candidates(day % given.feed.days, given.lists.window)
    if not len(pool):
        return no_pairs()
    listed = pool[best(values[:, pool], given.lists.k)]
    levels = np.cumsum(attention[given.feed.item_topic[listed]], axis=1)
    draw = keyed_uniform(key_of("clicks on news", given.seed), users, np.array([day]))
    chosen = (levels < draw * levels[:, -1:]).sum(axis=1)
    return np.stack([users, listed[np.arange(len(users)), chosen]], axis=1).astype(np.int32)
