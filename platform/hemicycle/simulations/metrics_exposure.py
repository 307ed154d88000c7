"""What users are shown: how far from them, how one-sided, how varied, how alike for all.

What is weighed are the sources of a step (neighbours and proposals together) or the proposals alone; a user's own
opinion is never counted as exposure. Proposals are of shape (n_users, k), -1 pads.
"""

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.evaluation import beyond
from hemicycle.exposure.base import Proposals
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.base import Opinions, Sources
from hemicycle.simulations.metrics_distribution import drawn_pairs
from hemicycle.simulations.sums import Floats, Seen

KINDS = 5
"""Intervals of equal width on the opinion axis that calibration tells apart."""
_SAMPLE = 20_000


def exposure_distance(seen: Seen) -> float:
    """Ideological distance of exposure: mean over users of the weighted mean |x_i - x_j| of their sources.

    In units of opinion. Users who see nobody are left out; NaN when nobody sees anybody.
    """
    return _mean_ratio(seen.distance, seen.totals)


def cross_cutting_share(seen: Seen) -> float:
    """Mean over users of the share of their exposure from the other side (Bakshy, Messing and Adamic, Science 2015).

    Sides are those of the first principal axis about the middle of the bounds; users and sources right in the middle
    are left out. NaN when nobody sees anybody.
    """
    return _mean_ratio(seen.across, seen.known)


def _mean_ratio(parts: Floats, wholes: Floats) -> float:
    heard = wholes > 0
    if heard.all() and len(heard):
        return float((parts / wholes).mean())
    return float((parts[heard] / wholes[heard]).mean()) if heard.any() else float("nan")


def exposure_gini(sources: Sources) -> float:
    """Gini coefficient of how much each source is seen, over all sources: 0 alike, near 1 when few are all there is.

    Every user's exposure adds up to 1, and G = sum_i (2 i - n - 1) c_i / (n sum c) over ascending sums c (Fleder and
    Hosanagar, Management Science 2009). NaN when nobody sees anything.
    """
    n, totals = len(sources.positions), sources.totals
    each = np.divide(1.0, totals, out=np.zeros(len(totals)), where=totals > 0)
    shares = np.repeat(each, np.diff(sources.indptr))
    if sources.weights is not None:
        shares *= sources.weights
    seen = np.sort(np.bincount(sources.indices, shares, n))
    return float(np.arange(1 - n, n, 2) @ seen / (n * seen.sum())) if seen.sum() > 0 else float("nan")


def coverage(proposals: Proposals, n_sources: int) -> float:
    """Share of all sources proposed to anybody (Ge, Delgado-Battenfeld and Jannach, RecSys 2010)."""
    found = np.zeros(n_sources + 1, np.bool_)
    found[proposals] = True  # padding marks the last place, which is no source
    return float(found[:-1].mean())


def proposal_gini(proposals: Proposals, n_sources: int) -> float:
    """Gini coefficient of how often sources are proposed (:func:`hemicycle.evaluation.beyond.gini`); NaN if never."""
    return beyond.gini(proposals.astype(np.int32), n_sources) if (proposals >= 0).any() else float("nan")


def sample_of_users(n_users: int, seed: int) -> NDArray[np.int64]:
    """Users over which costly averages run, ascending: all, or 20,000 drawn by the seed, with replacement."""
    if n_users <= _SAMPLE:
        return np.arange(n_users)
    uniform = keyed_uniform(key_of("sample of users", seed), np.arange(_SAMPLE), np.arange(1))[:, 0]
    return np.sort((uniform * n_users).astype(np.int64))


def list_diversity(proposals: Proposals, positions: Opinions) -> float:
    """Intra-list diversity: mean |x_i - x_j| over pairs of what is proposed to a user, then over users.

    The dissimilarity of Ziegler et al. (WWW 2005) is here the distance of opinions, in their units. Lists of fewer than
    two are left out; NaN when all are.

    Args:
        proposals: of some users, shape (n, k).
        positions: of all sources, shape (n_sources, n_dims).
    """
    total, pairs = np.zeros(len(proposals)), np.zeros(len(proposals))
    for first in range(proposals.shape[1] - 1):
        for second in range(first + 1, proposals.shape[1]):
            both = (proposals[:, first] >= 0) & (proposals[:, second] >= 0)
            away = positions[proposals[:, first]].astype(np.float64) - positions[proposals[:, second]]
            total += both * np.sqrt((away * away).sum(axis=1))
            pairs += both
    return _mean_ratio(total, pairs)


def calibration(
    proposals: Proposals, users: NDArray[np.integer], kinds: NDArray[np.integer], graph: InteractionGraph
) -> float:
    """Mean divergence KL(p || q~) of proposals from whom users follow, in nats (Steck, RecSys 2018).

    p is the distribution of kinds of opinion among whom a user follows, q that among what she is proposed, and q~ =
    .99 q + .01 p; 0 is perfect. Users without follows or proposals are left out; NaN when all are.

    Args:
        proposals: of ``users``, shape (n, k).
        users: shape (n,).
        kinds: interval of opinion of each source, ``KINDS`` of them, shape (n_sources,).
        graph: who follows whom.
    """
    followed = beyond.history_shares(graph, users, kinds[: graph.n_users], KINDS)
    listed = beyond.list_shares(proposals.astype(np.int32), kinds, KINDS)
    found = beyond.calibration(followed, listed)
    known = found[np.isfinite(found)]
    return float(known.mean()) if len(known) else float("nan")


def kinds_of(along: Floats, span: float) -> NDArray[np.int64]:
    """Interval of the opinion axis [-span / 2, span / 2] in which each coordinate lies, 0 to ``KINDS`` - 1."""
    places = np.floor((along / span + 0.5) * KINDS) if span > 0 else np.zeros(len(along))
    return np.clip(places, 0, KINDS - 1).astype(np.int64)


def homogenisation(proposals: Proposals, seed: int = 0, pairs: int = 10_000) -> float:
    """How alike all lists are: mean Jaccard index |A and B| / |A or B| of pairs of users, drawn by the seed.

    Chaney, Stewart and Engelhardt (RecSys 2018). Pairs of which a list is empty are left out; NaN when all are. It
    is 1 when all lists are alike.
    """
    if len(proposals) < 2:
        return float("nan")
    rows, others = drawn_pairs(len(proposals), pairs, key_of("pairs of lists", seed))
    first, second = _distinct(proposals[rows]), _distinct(proposals[others])
    shared = ((first[:, :, None] == second[:, None, :]) & (first >= 0)[:, :, None]).sum(axis=(1, 2))
    lengths = (first >= 0).sum(axis=1), (second >= 0).sum(axis=1)
    filled = (lengths[0] > 0) & (lengths[1] > 0)
    union = lengths[0] + lengths[1] - shared
    return float((shared[filled] / union[filled]).mean()) if filled.any() else float("nan")


def _distinct(lists: Proposals) -> Proposals:
    """Lists in ascending order, with -1 in place of a repeated source."""
    ordered = np.sort(lists, axis=1)
    ordered[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = -1
    return ordered
