"""The feed in the order of time: the newest messages of those one follows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.counters import uniform
from hemicycle.core.loops import compiled, over_entries
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene
from hemicycle.exposure.kernels import place
from hemicycle.opinions.base import Opinions

_FIRST_STEP = 1 << 20  # added to steps, so that there were messages before the first one


class Chronological(Mediated):
    """Each user sees the authors of the k newest messages of those it follows; who speaks more is heard more.

    In every step user v sends a message with its probability a_v of speaking, at a uniform moment of the step; a_v is
    ``activity`` for all, or is drawn once from the density a^-exponent on [activity, 1] (Perra, Goncalves,
    Pastor-Satorras and Vespignani, Scientific Reports 2012; Baumann et al., PRL 2020). A feed of step t holds the k
    newest messages sent before t, at most ``window`` steps old; an author stands in it once for each message. A
    message says what its author thinks when it is read.
    """

    class Config(MediatedConfig):
        """Options of the chronological feed."""

        exposure: str = "chronological"
        k: int = Field(default=20, ge=1)
        """Messages in a feed."""
        strength: float = Field(default=1.0, ge=0, le=1)
        """Share of the feed, the rest being all whom one follows; 0 is bit-identical to ``none``."""
        refresh: int = Field(default=1, ge=0)
        """Steps between two looks at the feed; 0: one, at the start."""
        activity: float = Field(default=0.1, gt=0, le=1)
        """Probability that a user speaks in a step; with an ``exponent`` that of the least active."""
        exponent: float = Field(default=0.0, ge=0)
        """Exponent of the power law of activities; 0: all are alike."""
        window: int = Field(default=100, ge=1, le=_FIRST_STEP)
        """Age in steps after which a message is gone."""

    config: Config

    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> NDArray[np.int32]:
        """Return the authors of each feed, the newest first."""
        del opinions
        graph = (np.asarray(scene.graph.indptr), np.asarray(scene.graph.indices))
        activities = self.activities(scene.graph.n_users, scene.seed)
        feed = np.full((scene.graph.n_users, self.config.k), -1, np.int32)
        key = np.uint64(key_of("messages", scene.seed))
        time = (step + _FIRST_STEP, self.config.window)
        over_entries(_fill_feeds, graph[0], graph, activities, key, time, feed)
        return feed

    def activities(self, n_users: int, seed: int) -> NDArray[np.float64]:
        """Return each user's probability of speaking in a step, shape (n_users,)."""
        low, exponent = self.config.activity, self.config.exponent
        if exponent == 0:
            return np.full(n_users, low)
        drawn = keyed_uniform(key_of("activity", seed), np.arange(n_users), np.arange(1))[:, 0]
        if exponent == 1:
            return np.asarray(low ** (1 - drawn))
        power = 1 - exponent
        return np.asarray((low**power + drawn * (1 - low**power)) ** (1 / power))


@compiled
def _fill_feeds(span: Any, graph: Any, activities: Any, key: Any, time: Any, feed: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    """Go back from ``time`` = (now, window) step by step until a feed is full."""
    indptr, indices = graph
    now, window = time
    for i in range(span[0], span[1]):
        moments, ties = np.full(feed.shape[1], -np.inf), np.zeros(feed.shape[1])
        for step in range(now - 1, now - 1 - window, -1):
            for e in range(indptr[i], indptr[i + 1]):
                author = indices[e]
                drawn = uniform(key, author, step)
                if drawn < activities[author]:
                    place(feed[i], moments, ties, (author, step + drawn / activities[author], -np.float64(author)))
            if feed[i, -1] >= 0:
                break
