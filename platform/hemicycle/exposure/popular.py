"""The users whom most follow, or whom most have begun to follow."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.counters import row_key, uniform_of
from hemicycle.core.errors import Problem
from hemicycle.core.loops import compiled, over_rows
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene
from hemicycle.exposure.kernels import first_above, holds
from hemicycle.opinions.base import Opinions

_TRIES = 64


class Popular(Mediated):
    """Each user is shown popular users beside its neighbours, without itself and those it follows.

    Popularity is the number of followers (in-degree) p_v, or its growth since ``Scene.earlier``. Either the k most
    popular are shown, ties being ordered once a seed; or k are drawn with replacement and with probability
    proportional to p_v (growth below 0 counts as 0): the preferential attachment of Barabasi and Albert (Science 1999).
    """

    class Config(MediatedConfig):
        """Options of exposure to the popular."""

        exposure: str = "popular"
        by: Literal["followers", "growth"] = "followers"
        """What popularity is: followers, or followers won lately."""
        drawn: bool = False
        """False: the most popular; True: users drawn in proportion to their popularity."""

    config: Config

    def problems(self, scene: Scene) -> list[Problem]:
        """Report that the growth of popularity is not known."""
        if self.config.by == "followers" or scene.earlier is not None:
            return []
        what = f"the arm {self.config.label!r} goes by growing popularity, and there is no earlier graph"
        return [Problem(what, remedy="set 'by: followers', or let users follow and unfollow")]

    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> NDArray[np.int32]:
        """Return popular users for each user, the most popular first unless they are drawn."""
        del opinions
        popularity = self.popularity(scene)
        graph = (np.asarray(scene.graph.indptr), np.asarray(scene.graph.indices))
        out = np.full((scene.graph.n_users, self.config.k), -1, np.int32)
        if self.config.drawn:
            key = np.uint64(key_of("popular exposure", scene.seed, step))
            cumulative = np.cumsum(np.maximum(popularity, 0)).astype(np.float64)
            over_rows(_draw, len(out), graph, cumulative, key, out, work=_TRIES * out.size)
            return out
        ties = keyed_uniform(key_of("popular ties", scene.seed), np.arange(len(out)), np.arange(1))[:, 0]
        ranking = np.lexsort((ties, -popularity)).astype(np.int32)
        over_rows(_list_first, len(out), graph, ranking, out, work=out.size)
        return out

    def popularity(self, scene: Scene) -> NDArray[np.int64]:
        """Return the popularity of each user, shape (n_users,)."""
        n = scene.graph.n_users
        followers = np.bincount(scene.graph.indices, minlength=n)
        if self.config.by == "followers":
            return followers
        if scene.earlier is None:
            raise ValueError("a scene without an earlier graph; see problems()")
        return followers - np.bincount(scene.earlier.indices, minlength=n)


@compiled
def _list_first(span: Any, graph: Any, ranking: Any, out: Any) -> None:
    """List the first of a ranking that are neither the user nor followed by it."""
    indptr, indices = graph
    k = out.shape[1]
    for i in range(span[0], span[1]):
        followed, slot = indices[indptr[i] : indptr[i + 1]], 0
        for j in ranking:
            if slot == k:
                break
            if j != i and not holds(followed, j):
                out[i, slot] = j
                slot += 1


@compiled
def _draw(span: Any, graph: Any, cumulative: Any, key: Any, out: Any) -> None:
    """Draw for each slot until the user drawn is neither oneself nor followed; a slot that fails stays empty."""
    indptr, indices = graph
    k = out.shape[1]
    if cumulative[-1] <= 0:
        return
    for i in range(span[0], span[1]):
        followed, own = indices[indptr[i] : indptr[i + 1]], row_key(key, i)
        for slot in range(k):
            for attempt in range(_TRIES):
                drawn = uniform_of(own, slot * _TRIES + attempt) * cumulative[-1]
                j = first_above(cumulative, drawn)
                if j != i and not holds(followed, j):
                    out[i, slot] = j
                    break
