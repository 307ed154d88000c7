"""Simulated attention: what comes from outside, how groups respond, and the posts from which it is measured."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.simulated.capacity import LOG_SHARE, PANEL, SHARE, Dynamics, Floats, advance, centred, shares
from hemicycle.agenda.simulated.influence import AgendaSimulation, inertia, influence_lags, volumes
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of, keyed_normal, keyed_uniform, rng

_DAY = np.timedelta64(86400, "s")


@dataclass(frozen=True, eq=False)
class Course:
    """A simulated agenda before it is measured.

    Args:
        x: log attention or log odds, shape (days, groups, topics), without the burn-in.
        shares: attention, of the same shape.
    """

    x: Floats
    shares: Floats


def course(options: AgendaSimulation, seed: int, exposure: Floats | None = None) -> Course:
    """Simulate an agenda without measuring it; see :func:`hemicycle.agenda.simulated.simulation.simulate_agenda`."""
    moves = dynamics(options, seed)
    force = outside(options, seed)
    if exposure is not None:
        check_exposure(options, exposure)
        force[options.burn_in :] += exposure
    x = advance(moves, moves.rest(), force)[options.burn_in :]
    return Course(x, shares(x, moves.kind))


def check_exposure(options: AgendaSimulation, exposure: Floats) -> None:
    """Refuse an exposure that does not fit.

    Raises:
        InputError: its shape is another, or it is not finite.
    """
    wanted = (options.days, len(options.groups), len(options.topic_names))
    if exposure.shape != wanted:
        raise InputError(f"an exposure of shape {exposure.shape}", remedy=f"days x groups x topics are {wanted}")
    if not np.isfinite(exposure).all():
        raise InputError("an exposure that is not finite", remedy="write 0 where a group is shown nothing")


# -- what moves ------------------------------------------------------------------------------------------------------


def dynamics(options: AgendaSimulation, seed: int) -> Dynamics:
    """Return how attention moves, with usual attention drawn around equal shares."""
    kind = PANEL if options.model == "panel var" else SHARE if options.signal == "share" else LOG_SHARE
    return Dynamics(usual(options, seed), inertia(options), influence_lags(options), kind)


def usual(options: AgendaSimulation, seed: int) -> Floats:
    """Draw usual log attention, or log odds of a panel VAR, shape (groups, topics)."""
    topics, both = _names(options)
    common = keyed_normal(key_of("usual attention", seed), np.zeros(1, np.int64), topics)
    own = keyed_normal(key_of("usual attention of groups", seed), np.zeros(1, np.int64), both.ravel())
    base = options.spread * common.astype(np.float64) + options.taste * own.reshape(both.shape)
    if options.model == "panel var":
        return np.asarray(base + logit(usual_share(options)))
    return centred(base)


def usual_share(options: AgendaSimulation) -> float:
    """Return the share of a topic that competes with none."""
    return options.share or min(0.5, 1 / len(options.topic_names))


def outside(options: AgendaSimulation, seed: int) -> Floats:
    """Return noise and shocks of the burn-in and all days, shape (burn_in + days, groups, topics)."""
    days = np.arange(options.burn_in + options.days)
    topics, both = _names(options)
    own = keyed_normal(key_of("agenda noise", seed), days, both.ravel()).reshape(-1, *both.shape).astype(np.float64)
    common = keyed_normal(key_of("agenda shared noise", seed), days, topics).astype(np.float64)[:, None]
    noise = np.sqrt(1 - options.shared) * own + np.sqrt(options.shared) * common
    return np.asarray(options.noise * noise + _news(options, days, topics, seed) + _shocks(options))


def _names(options: AgendaSimulation) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers that stand for topics, shape (topics,), and for topics of a group, shape (groups, topics)."""
    topics = np.array([key_of("topic", name) >> 1 for name in options.topic_names], np.int64)
    groups = np.array([key_of("group", name) >> 1 for name in options.groups], np.int64)
    return topics, topics[None, :] ^ groups[:, None]


def _news(options: AgendaSimulation, days: NDArray[np.int64], topics: NDArray[np.int64], seed: int) -> Floats:
    """Events by chance, shape (days, 1, topics): they begin with a size that is exponential, and fade."""
    out = np.zeros((len(days), 1, len(topics)))
    if not options.news.rate or not options.news.size:
        return out
    begins = keyed_uniform(key_of("news begins", seed), days, topics) < options.news.rate
    sizes = -np.log(keyed_uniform(key_of("news size", seed), days, topics)) * options.news.size
    left, level = 0.5 ** (1 / options.news.half_life), np.zeros(len(topics))
    for t, fresh in enumerate(np.where(begins, sizes, 0.0)):
        level = left * level + fresh
        out[t, 0] = level
    return out


def _shocks(options: AgendaSimulation) -> Floats:
    """Known events, shape (burn_in + days, groups, topics)."""
    out = np.zeros((options.burn_in + options.days, len(options.groups), len(options.topic_names)))
    for shock in options.shocks:
        groups = [options.groups.index(name) for name in shock.groups or options.groups]
        first = options.burn_in + shock.day
        out[first : first + shock.days, groups, options.topic_names.index(shock.topic)] += shock.size
    return out


# -- what is measured ------------------------------------------------------------------------------------------------


def measured(options: AgendaSimulation, true: Floats, seed: int) -> Attention:
    """Count posts drawn with the true shares and round, as attention is known in practice.

    Args:
        options: the agenda.
        true: shares, shape (days, groups, topics).
        seed: key of the posts.
    """
    counted = np.stack([_counted(options, true[:, g], g, seed) for g in range(len(options.groups))], axis=1)
    most = int(volumes(options).max())
    unit = max(options.unit, 1 / most if most else 0.0)
    return as_attention(options, rounded(counted, options.unit), unit)


def _counted(options: AgendaSimulation, true: Floats, group: int, seed: int) -> Floats:
    """Shares of one group's posts, shape (days, topics)."""
    posts = int(volumes(options)[group])
    if not posts:
        return true
    draws = rng("posts", seed, options.groups[group])
    if options.model == "capacity":
        return np.asarray(draws.multinomial(posts, true) / posts)
    return np.asarray(draws.binomial(posts, true) / posts)


def rounded(values: Floats, unit: float) -> Floats:
    """Round shares to a unit; 0: not at all."""
    return np.asarray(np.round(np.round(values / unit) * unit, 12)) if unit else values


def as_attention(options: AgendaSimulation, values: Floats, unit: float) -> Attention:
    """Wrap shares of shape (days, groups, topics) with the agenda's names and days."""
    times = np.datetime64(options.start, "s") + np.arange(len(values)) * _DAY
    return Attention(
        shares=np.ascontiguousarray(values.transpose(2, 0, 1)),
        topics=options.topic_names,
        groups=options.groups,
        times=times,
        unit=unit,
    )


def exact(options: AgendaSimulation) -> AgendaSimulation:
    """Return the same agenda, measured without posts and rounding."""
    return options.replace(posts=0, unit=0.0)
