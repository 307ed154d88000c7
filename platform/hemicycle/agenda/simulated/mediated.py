"""Agendas mediated by a recommender of news, beside the same agendas without: arms paired by seed.

What a group is shown enters what it attends to with the weight w (:mod:`hemicycle.agenda.simulated.capacity`):

    u_gkt = ... + w_g (share of topic k in what group g is shown on day t - baseline_kt).

Noise, shocks, posts and sampled members are the same in every arm, so that arms differ by what is shown alone; with
weight 0 attention is that of the arm ``none`` to the last bit. By default recommendations do not answer to attention;
in the closed loop (:mod:`hemicycle.agenda.simulated.closed_loop`) members click on what they attend to and the model
learns it.
"""

from dataclasses import dataclass, field

import numpy as np
from pydantic import Field

from hemicycle.agenda.attention.attention import Attention, unknown
from hemicycle.agenda.simulated.arms import Arm, arm_scores
from hemicycle.agenda.simulated.closed_loop import LoopOptions, Mediation, in_loop
from hemicycle.agenda.simulated.generators import course, measured
from hemicycle.agenda.simulated.influence import AgendaSimulation
from hemicycle.agenda.simulated.mediation_weight import WeightOptions, check_rows
from hemicycle.agenda.simulated.newsfeed import Floats, ListOptions, Newsfeed, check_days, exposure, placed
from hemicycle.core.config import Options
from hemicycle.core.errors import InputError, raise_problems
from hemicycle.core.seeding import key_of
from hemicycle.exposure.mediator import Mediator

_ARMS: tuple[Arm, ...] = ("none", "random", "popularity", "model", "untrained", "permuted")


class MediationOptions(Options):
    """A recommender between the news and the groups."""

    arms: tuple[Arm, ...] = Field(default=_ARMS, min_length=1)
    """Counterfactual arms; differences are taken from ``none``."""
    weight: float | dict[str, float] = 2.0
    """Log odds that a topic gains with each unit of its share in what a group is shown; one number, or one a group."""
    lists: ListOptions = ListOptions()
    """Lists that members are given."""
    loop: LoopOptions | None = None
    """The model learns from clicks while the agenda goes on; null: it stays as it was trained."""
    estimate: WeightOptions | None = None
    """Regression that recovers the weight; null: with the lags of the agenda."""
    seed: int = 0
    """Key of lists, members and clicks: the same in all replications."""


@dataclass(frozen=True, eq=False)
class Mediated:
    """One arm.

    Args:
        attention: as measured.
        shown: share of topics in what groups are shown less the baseline, shape (days, groups, topics).
    """

    attention: Attention
    shown: Floats = field(repr=False)


def fitted_to(options: AgendaSimulation, feed: Newsfeed, mediation: MediationOptions) -> AgendaSimulation:
    """Return the agenda with the topics of a feed.

    Raises:
        InputError: named topics are not the feed's, a mediated group is none of the agenda's, the model knows no
            mediation, or the feed or the agenda is too short.
    """
    if options.model != "capacity":
        raise InputError(f"a mediated agenda of the model {options.model!r}", remedy="choose capacity")
    if isinstance(options.topics, tuple) and set(options.topics) != set(feed.topics):
        names = ", ".join(feed.topics)
        raise InputError("topics of the agenda are not those of the news", "topics", f"write {names}, or their number")
    raise_problems(unknown("group", feed.groups, options.groups))
    if isinstance(mediation.weight, dict):
        raise_problems(unknown("mediated group", mediation.weight.keys(), feed.groups))
    check_days(feed, mediation.lists, options.days)
    lags = options.lags if mediation.estimate is None else mediation.estimate.lags
    shape = options.days, len(options.groups), len(feed.topics)
    check_rows(max(0, options.days - lags) * len(feed.topics), shape, lags)
    return options.replace(topics=feed.topics)


def arm_exposure(
    options: AgendaSimulation, feed: Newsfeed, mediator: Mediator, mediation: MediationOptions
) -> dict[Arm, Floats]:
    """Return what each arm shows, of shape (days, groups, topics): it does not depend on the agenda, nor on its seed.

    An arm that cannot be is left out: a closed form is never untrained.
    """
    out: dict[Arm, Floats] = {}
    for arm in mediation.arms:
        scores = arm_scores(arm, mediator, mediation.seed)
        if scores is not None:
            seen = exposure(feed, scores, mediation.lists, range(options.days), mediation.seed)
            out[arm] = placed(seen, feed, options.groups, 1.0)
        elif arm == "none":
            out[arm] = np.zeros((options.days, len(options.groups), len(feed.topics)))
    return out


def mediated_agenda(
    options: AgendaSimulation,
    feed: Newsfeed,
    mediator: Mediator,
    mediation: MediationOptions,
    seed: int,
) -> dict[Arm, Mediated]:
    """Simulate all arms of one mediated agenda.

    Args:
        options: the agenda; its topics are replaced by the feed's.
        feed: items and users.
        mediator: a trained recommender and the graph on which its users and items are numbered like the feed's.
        mediation: arms, weight, lists.
        seed: key of the agenda.

    Raises:
        InputError: agenda, feed and mediator do not go together.
    """
    options = checked(options, feed, mediator, mediation)
    if mediation.loop is None:
        shown = arm_exposure(options, feed, mediator, mediation)
        return {arm: open_arm(options, mediation, seen, seed) for arm, seen in shown.items()}
    return closed_arms(options, feed, mediator, mediation, seed)


def checked(
    options: AgendaSimulation, feed: Newsfeed, mediator: Mediator, mediation: MediationOptions
) -> AgendaSimulation:
    """Return the agenda with the topics of a feed; see :func:`fitted_to`.

    Raises:
        InputError: the mediator's users and items are not those of the feed.
    """
    graph, wanted = mediator.context, (len(feed.user_group), len(feed.item_topic))
    if (graph.n_users, graph.n_items) != wanted or graph.social:
        what = f"a recommender of {graph.n_users} users and {graph.n_items} items for a feed of {wanted}"
        raise InputError(what, remedy="train it on the data set of which the feed is made")
    return fitted_to(options, feed, mediation)


def open_arm(options: AgendaSimulation, mediation: MediationOptions, shown: Floats, seed: int) -> Mediated:
    """Simulate one arm whose exposure is known."""
    force = shown * weights(options, mediation)[:, None]
    return Mediated(measured(options, course(options, seed, force).shares, seed), shown)


def weights(options: AgendaSimulation, mediation: MediationOptions) -> Floats:
    """Return the weight of what each group is shown, shape (groups,)."""
    if isinstance(mediation.weight, dict):
        return np.array([mediation.weight.get(group, 0.0) for group in options.groups])
    return np.full(len(options.groups), mediation.weight)


def closed_arms(
    options: AgendaSimulation, feed: Newsfeed, mediator: Mediator, mediation: MediationOptions, seed: int
) -> dict[Arm, Mediated]:
    """Simulate all arms of an agenda whose model learns; see :func:`mediated_agenda`."""
    assert mediation.loop is not None, "an open agenda"
    out: dict[Arm, Mediated] = {}
    for arm in mediation.arms:
        if arm != "none" and arm_scores(arm, mediator, mediation.seed) is None:
            continue
        key = key_of("closed loop", mediation.seed, seed)
        given = Mediation(arm, feed, mediator, mediation.lists, mediation.weight, key)
        went, shown = in_loop(options, given, mediation.loop, seed)
        out[arm] = Mediated(measured(options, went.shares, seed), shown)
    return out
