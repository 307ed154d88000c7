"""Blends: one recommender out of several, by a weighted sum of their scores."""

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.stats import rankdata

from hemicycle.core.config import Options
from hemicycle.recommenders.scoring import Scores
from hemicycle.transforms.base import Scene, Transform, TransformConfig

Rows = NDArray[np.floating]
"""Scores of a batch of users, shape (batch, n_items)."""


class Term(Options):
    """One parent's part in a blend."""

    weight: float = 1.0
    """What its linked scores are multiplied by."""
    link: Literal["identity", "log", "rank", "zscore"] = "identity"
    """``identity``: s. ``log``: log(max(s, 0) + epsilon). ``rank``: place among all items, from 1 for the best to
    almost 0. ``zscore``: s less a user's mean over items, divided by its standard deviation."""
    epsilon: float = Field(1e-3, gt=0)
    """Of ``log``."""


class BlendConfig(TransformConfig):
    """A blend."""

    transform: str = "blend"
    """Short name."""
    strength: float = Field(1.0, ge=0, le=1)
    """Multiplies the weights of all parents but the first; 0 leaves the first alone."""
    parents: dict[str, Term] = Field(min_length=1)
    """Member of the population -> its part."""


class Blend(Transform):
    """s_ui = w_1 g_1(s1_ui) + t sum over further parents m of w_m g_m(sm_ui), with links g.

    An item that a parent with a weight leaves out (its score is not finite) is left out.
    """

    Config: ClassVar[type[TransformConfig]] = BlendConfig

    def scores(self, scene: Scene) -> Scores:
        """Return the sum; parents are found in the scene by their names."""
        terms: dict[str, Term] = self.config.parents
        t = [1.0, *[self.config.strength] * (len(terms) - 1)]
        parts = [(scene.parents[name], term, t[i]) for i, (name, term) in enumerate(terms.items()) if t[i]]

        def score(users: NDArray[np.integer]) -> NDArray[np.floating]:
            linked = [weighted(parent(users), term, share) for parent, term, share in parts]
            return np.asarray(sum(linked[1:], linked[0]))

        return score


def weighted(scores: Rows, term: Term, share: float = 1.0) -> Rows:
    """Return linked scores times weight and share; -inf where they are not finite."""
    finite = np.isfinite(scores)
    values = LINKS[term.link](scores, finite, term) * (term.weight * share)
    return np.where(finite, values, np.asarray(-np.inf, values.dtype))


def _log(scores: Rows, finite: NDArray[np.bool_], term: Term) -> Rows:
    return np.asarray(np.log(np.maximum(np.where(finite, scores, 0.0), 0) + term.epsilon))


def _rank(scores: Rows, finite: NDArray[np.bool_], term: Term) -> Rows:
    del term
    ranks = rankdata(np.where(finite, scores, -np.inf), axis=1)
    return np.asarray(ranks / scores.shape[1])


def _zscore(scores: Rows, finite: NDArray[np.bool_], term: Term) -> Rows:
    del term
    mean = np.mean(scores, axis=1, keepdims=True, where=finite)
    spread = np.std(scores, axis=1, keepdims=True, where=finite)
    return np.asarray((np.where(finite, scores, mean) - mean) / np.where(spread > 0, spread, 1.0))


def _identity(scores: Rows, finite: NDArray[np.bool_], term: Term) -> Rows:
    del finite, term
    return scores


LINKS: dict[str, Callable[[Rows, NDArray[np.bool_], Term], Rows]] = {
    "identity": _identity,
    "log": _log,
    "rank": _rank,
    "zscore": _zscore,
}
