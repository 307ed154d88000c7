"""What users click of what they are shown: from exposure to behaviour.

The attraction of source j, shown to user u in slot r = 0, 1, ... (0 is the top), is

    v_ur = appeal + relevance s_uj - distance |x_u - p_j| - satiation c_uj,

with s the recommender's score, |x_u - p_j| the ideological distance and c_uj how often u clicked j before. A slot is
looked at with probability e_r = (r + 1)^-position_bias, the power law of click logs. Three models of clicks:

``position``  the position-based model (Craswell, Zoeter, Taylor and Ramsey, WSDM 2008; Chuklin, Markov and de Rijke,
              Click Models for Web Search, 2015): slots are clicked independently, P(click r) = e_r sigma(v_ur);
``cascade``   (Craswell et al., WSDM 2008) the user goes down the list and stops at the first click; having passed
              slot r it goes on to the next with probability e_(r+1) / e_r:
              P(click r) = e_r sigma(v_ur) product over q < r of (1 - sigma(v_uq));
``logit``     multinomial logit (McFadden 1974) with the outside option of no click: at most one click, and
              P(click r) = e_r exp(v_ur) / (1 + sum over q of e_q exp(v_uq)).

Empty slots are passed over: nothing is clicked there and they keep their place in the list.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import expit, logsumexp

from hemicycle.core.config import Options
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import keyed_uniform
from hemicycle.opinions.base import Opinions

_ROWS = 1 << 16


class ChoiceConfig(Options):
    """How users choose among what they are shown."""

    model: Literal["position", "cascade", "logit"] = "position"
    """``position``: slots are clicked independently; ``cascade``: from the top, until the first click; ``logit``: one
    or none."""
    appeal: float = 0.0
    """Attraction of a source that scores 0, is at no distance and was never clicked."""
    relevance: float = 0.0
    """Weight of the recommender's score."""
    distance: float = 1.0
    """Loss of attraction for each unit of ideological distance: selective exposure where positive."""
    position_bias: float = Field(default=1.0, ge=0)
    """Exponent of examination: a slot is looked at with probability (slot + 1)^-position_bias; 0: all are."""
    satiation: float = Field(default=0.0, ge=0)
    """Loss of attraction for each earlier click on the same source."""


def clicks(  # noqa: PLR0913, PLR0917 - what was shown, to whom, and what they know of it
    config: ChoiceConfig,
    proposals: NDArray[np.integer[Any]],
    scores: NDArray[np.floating[Any]] | None,
    opinions: Opinions,
    positions: Opinions,
    key: int,
    seen: NDArray[Any] | None = None,
) -> NDArray[np.bool_]:
    """Draw what each user clicks, shape (n_users, k).

    Args:
        config: how users choose.
        proposals: sources shown to each user, the top one first, shape (n_users, k); -1 pads.
        scores: of the proposals and of their shape; None: all 0, and ``relevance`` must be 0.
        opinions: of the users, shape (n_users, n_dims).
        positions: of all sources, users first, shape (n_sources, n_dims).
        key: 64-bit key of this step's draws; a slot's draw is keyed by (user, slot), that of a model with one click
            by the user.
        seen: how often each user clicked each of its proposals before, shape (n_users, k); None: never.

    Raises:
        InputError: the arrays do not fit each other, or scores are missing.
    """
    chances = click_probabilities(config, proposals, scores, opinions, positions, seen)
    n, k = chances.shape
    if config.model == "position":
        return keyed_uniform(key, np.arange(n), np.arange(k)) < chances
    drawn = keyed_uniform(key, np.arange(n), np.arange(1))
    upper = np.cumsum(chances, axis=1)
    return (drawn < upper) & (drawn >= upper - chances) & (chances > 0)


def click_probabilities(  # noqa: PLR0913, PLR0917 - as clicks()
    config: ChoiceConfig,
    proposals: NDArray[np.integer[Any]],
    scores: NDArray[np.floating[Any]] | None,
    opinions: Opinions,
    positions: Opinions,
    seen: NDArray[Any] | None = None,
) -> NDArray[np.float64]:
    """Return the probability that each user clicks each slot, shape (n_users, k); arguments as of :func:`clicks`."""
    _require(config, proposals, scores, opinions, positions)
    _require_seen(proposals, seen)
    out = np.empty(proposals.shape)
    for start in range(0, len(out), _ROWS):
        rows = slice(start, start + _ROWS)
        shown = proposals[rows]
        pull = config.appeal - config.distance * distances(shown, opinions[rows], positions)
        if scores is not None and config.relevance:
            pull += config.relevance * np.where(shown >= 0, scores[rows], 0)
        if seen is not None:
            pull -= config.satiation * seen[rows]
        out[rows] = _CHANCES[config.model](np.where(shown >= 0, pull, -np.inf), examination(config, shown.shape[1]))
    return out


def examination(config: ChoiceConfig, k: int) -> NDArray[np.float64]:
    """Return the probability that each of k slots is looked at, when no click ends the search before."""
    found: NDArray[np.float64] = np.arange(1.0, k + 1) ** -config.position_bias
    return found


def distances(proposals: NDArray[np.integer[Any]], opinions: Opinions, positions: Opinions) -> NDArray[np.float64]:
    """Return the Euclidean distance of each user to each of its proposals, shape (n_users, k); 0 for an empty slot."""
    squares = np.zeros(proposals.shape)
    for d in range(opinions.shape[1]):
        squares += np.square(positions[proposals, d].astype(np.float64) - opinions[:, d, None])
    return np.where(proposals >= 0, np.sqrt(squares), 0.0)


def _by_position(pull: NDArray[np.float64], looked: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(looked * expit(pull))


def _by_cascade(pull: NDArray[np.float64], looked: NDArray[np.float64]) -> NDArray[np.float64]:
    attracted = expit(pull)
    passed = np.cumprod(1 - attracted, axis=1)
    passed = np.concatenate([np.ones((len(pull), 1)), passed[:, :-1]], axis=1)
    return np.asarray(looked * attracted * passed)


def _by_logit(pull: NDArray[np.float64], looked: NDArray[np.float64]) -> NDArray[np.float64]:
    utility = pull + np.log(looked)
    outside = np.zeros((len(pull), 1))
    total = logsumexp(np.concatenate([outside, utility], axis=1), axis=1, keepdims=True)
    return np.asarray(np.exp(utility - total))


_CHANCES = {"position": _by_position, "cascade": _by_cascade, "logit": _by_logit}


def _require(
    config: ChoiceConfig,
    proposals: NDArray[Any],
    scores: NDArray[Any] | None,
    opinions: Opinions,
    positions: Opinions,
) -> None:
    if proposals.ndim != 2 or len(proposals) != len(opinions):
        raise InputError(f"proposals of shape {proposals.shape} for {len(opinions)} users", remedy="give (n_users, k)")
    if opinions.shape[1] != positions.shape[1]:
        raise InputError(f"users in {opinions.shape[1]} dimensions and sources in {positions.shape[1]}")
    if proposals.size and (proposals.max() >= len(positions) or proposals.min() < -1):
        what = f"proposals name sources outside [0, {len(positions) - 1}]; -1 pads"
        raise InputError(what, remedy="give the positions of all sources: users, then items")
    if scores is None and config.relevance:
        remedy = "set 'relevance: 0', or choose among the lists of a model"
        raise InputError("clicks depend on relevance, and what is shown has no scores", remedy=remedy)
    if scores is not None and scores.shape != proposals.shape:
        raise InputError(f"scores of shape {scores.shape} for proposals of shape {proposals.shape}")


def _require_seen(proposals: NDArray[Any], seen: NDArray[Any] | None) -> None:
    if seen is not None and seen.shape != proposals.shape:
        raise InputError(f"earlier clicks of shape {seen.shape} for proposals of shape {proposals.shape}")
