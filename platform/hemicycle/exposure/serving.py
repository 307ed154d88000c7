"""Lists of the best among each user's candidates, by any recommender's own score.

Models whose score is a dot product of vectors plus a bias are served by exact search in blocks (all candidates) or by
compiled code (friends of friends); all others are asked for a few users' rows of scores at a time. Nowhere are users x
users held in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from hemicycle.evaluation.ranking import NONE, top_k
from hemicycle.exposure.candidates import Candidates, Lists, best_of, friends_of_friends
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.recommenders.scoring import DotScores, Scores

Users = NDArray[np.integer[Any]]
_SCORES_AT_ONCE = 1 << 24
_PAIRS_AT_ONCE = 1 << 17
_USERS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class CandidatePlan:
    """Who can be listed.

    Args:
        kind: everyone not yet taken, or friends of friends.
        most: friends of friends of a user, at most.
        key: of the draw where there are more.
    """

    kind: Literal["all", "friends_of_friends"] = "all"
    most: int = 500
    key: int = 0


def listed(scores: Scores, taken: InteractionGraph, users: Users, k: int, plan: CandidatePlan) -> Lists:
    """Return the k best candidates of some users, best first.

    Args:
        scores: users -> scores of all sources.
        taken: what users took or whom they follow; that, and they themselves, is no candidate.
        users: whose lists, shape (n,).
        k: length of the lists.
        plan: who can be listed.

    Returns:
        Sources, -1 where a list ends, and their scores, -inf there; both of shape (n, k).
    """
    if plan.kind == "all":
        ids = top_k(scores, taken, users, k)
        return ids, scores_of(scores, users, ids)
    parts = [_of_friends(scores, taken, part, k, plan) for part in _parts(users, _USERS_AT_ONCE)]
    return np.concatenate([ids for ids, _ in parts]), np.concatenate([found for _, found in parts])


def scores_of(scores: Scores, users: Users, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the scores of listed sources, -inf where a list ends; float32, of the shape (n, k) of ``ids``."""
    out = np.empty(ids.shape, np.float32)
    size = _PAIRS_AT_ONCE if isinstance(scores, DotScores) else max(1, _SCORES_AT_ONCE // _width(scores, users))
    for start in range(0, len(users), size):
        part = slice(start, start + size)
        out[part] = _pairs(scores, users[part], np.maximum(ids[part], 0))
    out[ids == NONE] = -np.inf
    return out


def _pairs(scores: Scores, users: Users, ids: NDArray[np.int32]) -> NDArray[Any]:
    """Scores of each user's own sources, shape of ``ids``."""
    if not isinstance(scores, DotScores):
        return np.take_along_axis(np.asarray(scores(users)), ids.astype(np.int64), 1)
    found = np.empty(ids.shape, np.float32)
    x, chosen = scores.users[torch.as_tensor(users, dtype=torch.int64)], torch.as_tensor(ids, dtype=torch.int64)
    for rank in range(ids.shape[1]):
        values = (x * scores.items[chosen[:, rank]]).sum(1)
        found[:, rank] = values if scores.bias is None else values + scores.bias[chosen[:, rank]]
    return found


def _of_friends(scores: Scores, taken: InteractionGraph, users: Users, k: int, plan: CandidatePlan) -> Lists:
    candidates = friends_of_friends(taken, plan.most, plan.key, users)
    if isinstance(scores, DotScores):
        return best_of(candidates, *_biased(scores), k)
    return _by_rows(scores, candidates, k)


def _biased(scores: DotScores) -> tuple[NDArray[Any], NDArray[Any]]:
    """Vectors whose products are the scores: a bias is one more column of the sources', with 1 in the users'."""
    users, items = scores.users.cpu().numpy(), scores.items.cpu().numpy()
    if scores.bias is None:
        return users, items
    bias = scores.bias.cpu().numpy()[:, None]
    return np.concatenate([users, np.ones_like(users[:, :1])], 1), np.concatenate([items, bias], 1)


def _by_rows(scores: Scores, candidates: Candidates, k: int) -> Lists:
    """The k best candidates by a model that scores whole rows; of two equal scores the smaller id comes first."""
    users = candidates.users
    ids, found = np.full((len(users), k), NONE, np.int32), np.full((len(users), k), -np.inf, np.float32)
    start = 0
    for part in _parts(users, max(1, _SCORES_AT_ONCE // _width(scores, users))):
        stop = start + len(part)
        ids[start:stop], found[start:stop] = _best_in_rows(np.asarray(scores(part)), candidates, slice(start, stop), k)
        start = stop
    return ids, found


def _best_in_rows(values: NDArray[Any], candidates: Candidates, which: slice, k: int) -> Lists:
    """Pick the k best of the candidates of a few users out of their rows of scores, shape (n, n_sources)."""
    bounds = candidates.indptr[which.start : which.stop + 1]
    counts = np.diff(bounds)
    rows = np.repeat(np.arange(len(counts)), counts)
    columns = candidates.indices[bounds[0] : bounds[-1]]
    own = np.full(values.shape, -np.inf, np.float32)
    own[rows, columns] = np.nan_to_num(values[rows, columns], nan=-np.inf, posinf=-np.inf)
    ids = np.argsort(-own, axis=1, kind="stable")[:, :k].astype(np.int32)
    found = np.take_along_axis(own, ids, 1)
    ids[found == -np.inf] = NONE
    return _padded(ids, k, NONE), _padded(found, k, -np.inf)


def _padded(lists: NDArray[Any], k: int, value: float) -> NDArray[Any]:
    """Lists brought to length k."""
    return np.pad(lists, ((0, 0), (0, k - lists.shape[1])), constant_values=value)


def _width(scores: Scores, users: Users) -> int:
    """Sources that a model scores, found out on one user."""
    return int(np.shape(scores(users[:1]))[1]) if len(users) else 1


def _parts(users: Users, size: int) -> Iterator[Users]:
    """Cut users into parts; one part without users where there are none."""
    return (users[start : start + size] for start in range(0, max(1, len(users)), size))
