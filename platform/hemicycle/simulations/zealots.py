"""Zealots: users who never move, whatever they see (Mobilia, Phys. Rev. Lett. 91, 2003)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.simulations.society import Society


class ZealotConfig(Options):
    """Who never moves, and where they stand."""

    share: float = Field(gt=0, le=1)
    """Share of the users, or of the group; at least one user."""
    group: str = ""
    """Only members of this group; empty: of all."""
    extreme: bool = False
    """True: those farthest from the mean opinion; False: users drawn at random."""
    position: tuple[float, ...] | None = None
    """Where they stand, one coordinate for each dimension; null: where they stood anyway."""


def with_zealots(society: Society, config: ZealotConfig | None, seed: int) -> Society:
    """Return the society with some users fixed, beside those who were before.

    Args:
        society: users and opinions.
        config: who; None: nobody else.
        seed: of the opinions; the same users are drawn whatever their opinions.

    Raises:
        InputError: an unknown group, or a position of other dimensions.
    """
    if config is None:
        return society
    chosen = _chosen(society, config, seed)
    opinions = society.opinions
    if config.position is not None:
        if len(config.position) != opinions.shape[1]:
            what = f"zealots at {len(config.position)} coordinates among opinions of {opinions.shape[1]} dimensions"
            raise InputError(what, "zealots.position", "give one coordinate for each dimension")
        opinions = np.where(chosen[:, None], np.asarray(config.position, opinions.dtype), opinions)
    fixed = chosen if society.fixed is None else chosen | society.fixed
    return replace(society, opinions=opinions, fixed=fixed)


def _chosen(society: Society, config: ZealotConfig, seed: int) -> NDArray[np.bool_]:
    eligible = np.ones(society.n_users, bool)
    if config.group:
        known = [] if society.groups is None else sorted(np.unique(society.groups))
        if config.group not in known:
            there = f"there are: {', '.join(known) or 'none'}"
            raise InputError(f"there is no group {config.group!r} of users", "zealots.group", there)
        eligible = np.asarray(society.groups == config.group)
    users = np.arange(society.n_users)
    rank = keyed_uniform(key_of("zealots", seed), users, np.zeros(1, np.int64))[:, 0]
    if config.extreme:
        away = society.opinions - society.opinions.mean(axis=0)
        rank = -np.linalg.norm(away.astype(np.float64), axis=1)
    order = np.lexsort((users, np.where(eligible, rank, np.inf)))
    number = max(1, round(config.share * int(eligible.sum())))
    chosen = np.zeros(society.n_users, bool)
    chosen[order[:number]] = True
    return chosen
