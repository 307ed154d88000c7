"""What proposals are worth beside what they do to opinions: the price of making a mediator forget.

All three are shares over a sample of users, drawn once by the seed, so that arms are compared on the same users:

- ``accepted_share``: proposals of the step that were followed in it, of those not followed before. It depends on what
  users want, which is what the conduct says;
- ``follows_ranked``: probability that the mediator, as it serves, scores somebody whom a user follows above somebody
  whom she does not (the area under the ROC curve, Hanley and McNeil, Radiology 143, 1982), one pair a user. Follows of
  the mediator's last training are among them: it is fit, not foresight;
- ``score_kept``: (s_shown - s_chance) / (s_best - s_chance), means over users of the mediator's own score before any
  erasure: of what is shown, of somebody drawn among those not followed, and of the best lists without erasure. 1:
  nothing is lost; 0: no better than chance.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of, keyed_uniform, rng
from hemicycle.exposure.base import Proposals
from hemicycle.exposure.mediator import Mediator
from hemicycle.exposure.recommended import RecommendedConfig
from hemicycle.exposure.serving import listed, scores_of
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.simulations.situation import Shown

RELEVANCE = ("accepted_share", "follows_ranked", "score_kept")
"""Names of the metrics."""
USERS = 2000
"""Users over whom they are averaged, at most."""
Users = NDArray[np.integer[Any]]


def relevance(
    shown: Shown | None,
    after: InteractionGraph,
    mediator: Mediator | None,
    options: RecommendedConfig | None,
    seed: int,
) -> dict[str, float]:
    """Return what proposals of users were worth, by name; those of the mediator's scores where it lists users.

    Args:
        shown: what was shown in the step that led here; None at the start.
        after: whom users follow after it.
        mediator: that made the proposals; None: something else did.
        options: its lists'.
        seed: of the sample.
    """
    if shown is None or shown.proposals is None:
        return {}
    users = sampled(after.n_users, seed)
    found = {"accepted_share": accepted_share(shown.proposals[users], users, shown.graph, after)}
    if mediator is None or options is None or not mediator.context.social:
        return found
    ranked = follows_ranked(mediator, after, users, seed)
    return found | {"follows_ranked": ranked, "score_kept": score_kept(mediator, shown, options, users, seed)}


def sampled(n_users: int, seed: int) -> NDArray[np.int64]:
    """Users over whom is averaged, ascending."""
    if n_users <= USERS:
        return np.arange(n_users)
    return np.sort(rng("users whose lists are valued", seed).choice(n_users, USERS, replace=False))


def accepted_share(proposals: Proposals, users: Users, before: InteractionGraph, after: InteractionGraph) -> float:
    """Share of proposals to follow somebody new that were taken; NaN where nobody is proposed.

    Args:
        proposals: to ``users``, shape (n, k); -1 pads, and items are left out.
        users: shape (n,).
        before: whom users followed.
        after: whom they follow.
    """
    is_user = (proposals >= 0) & (proposals < before.n_users)
    rows, sources = np.repeat(users, is_user.sum(1)), proposals[is_user]
    new = ~_follows(before, rows, sources)
    return _mean(_follows(after, rows[new], sources[new]))


def follows_ranked(mediator: Mediator, graph: InteractionGraph, users: Users, seed: int) -> float:
    """Probability that somebody followed scores above somebody not followed, one pair a user; ties count half."""
    users = users[np.diff(graph.indptr)[users] > 0]
    users, others = _strangers(graph, users, seed)
    if not len(users):
        return float("nan")
    drawn, degrees = _drawn("a followee", users, seed), np.diff(graph.indptr)[users]
    followed = graph.indices[graph.indptr[users] + (drawn * degrees).astype(np.int64)]
    scores = scores_of(mediator.served, users, np.stack([followed, others], 1))
    return _mean((scores[:, 0] > scores[:, 1]) + 0.5 * (scores[:, 0] == scores[:, 1]))


def score_kept(mediator: Mediator, shown: Shown, options: RecommendedConfig, users: Users, seed: int) -> float:
    """What is left of the mediator's own score in what it shows; 1 without erasure, NaN where nobody is proposed."""
    assert shown.proposals is not None, "there are proposals; see relevance()"
    proposals = np.asarray(shown.proposals[users], np.int32)
    if mediator.erased is None or not (proposals >= 0).any():
        return 1.0 if (proposals >= 0).any() else float("nan")
    own = mediator.scoring
    _, best = listed(own, shown.graph, users, proposals.shape[1], options.candidate_plan(seed))
    meeting, strangers = _strangers(shown.graph, users, seed)
    chance = _mean(scores_of(own, meeting, strangers[:, None]))
    kept = _mean(_known(scores_of(own, users, proposals))) - chance
    return kept / (_mean(_known(best)) - chance)


def _strangers(graph: InteractionGraph, users: Users, seed: int) -> tuple[Users, NDArray[np.int32]]:
    """Pair users with somebody drawn by chance; a user who meets itself or somebody it follows is left out."""
    others = (_drawn("a stranger", users, seed) * graph.n_users).astype(np.int32)
    fair = (others != users) & ~_follows(graph, users, others)
    return users[fair], others[fair]


def _drawn(what: str, users: Users, seed: int) -> NDArray[np.float64]:
    """A uniform number for each user, the same at every step, shape (n,)."""
    return keyed_uniform(key_of(f"relevance draws {what}", seed), users, np.arange(1))[:, 0]


def _follows(graph: InteractionGraph, users: Users, sources: Users) -> NDArray[np.bool_]:
    """Tell of pairs, shape (m,), whether the user follows the source."""
    rows = np.unique(users)
    starts, counts = graph.indptr[rows], np.diff(graph.indptr)[rows]
    places = np.arange(counts.sum()) + np.repeat(starts - np.cumsum(counts) + counts, counts)
    width = np.int64(graph.n_items)
    edges = np.repeat(rows.astype(np.int64), counts) * width + graph.indices[places]
    return np.asarray(np.isin(users.astype(np.int64) * width + sources, edges))


def _known(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return scores[np.isfinite(scores)]


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean(dtype=np.float64)) if values.size else float("nan")
