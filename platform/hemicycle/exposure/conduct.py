"""What users do about what they are shown: click, follow, unfollow, rewire.

In a loop::

    changes = conduct.changes(scene, proposals, opinions, step, log)
    log.append(step, changes)
    scene = replace(scene, graph=applied(scene.graph, changes))
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.core.config import Options
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Proposals, Scene
from hemicycle.exposure.choice import ChoiceConfig, clicks
from hemicycle.exposure.conduct_kernels import FOLLOWS, Keys, Plan, World, act
from hemicycle.exposure.edge_log import Changes, EdgeLog, Pairs
from hemicycle.opinions.base import Opinions


class ConductConfig(Options):
    """What users do about what they are shown; the same in all arms.

    Distances are Euclidean. A source farther than ``tolerance`` is discordant, one nearer is concordant.
    """

    accept: float = Field(default=0.0, ge=0, le=1)
    """Probability that a concordant proposal is followed in a step; with a ``choice``, only what was clicked can be."""
    accept_discordant: float | None = Field(default=None, ge=0, le=1)
    """The same of a discordant proposal; null: as of a concordant one."""
    unfollow: float = Field(default=0.0, ge=0, le=1)
    """Probability in a step: of dropping each discordant followee or, with ``keep_degree``, of exchanging one."""
    tolerance: float | None = Field(default=None, ge=0)
    """Distance up to which a source is concordant; null: all are."""
    keep_degree: bool = False
    """Everyone goes on following as many: who drops a discordant followee, drawn among them, follows somebody else as
    ``follow`` says, and who accepts a proposal drops a followee drawn among all. Where ties hold both ways, their
    number stays what it is: of ties that both ends end or begin in a step, each counts once."""
    follow: Literal["random", "shared", "proposed"] = "random"
    """Whom to follow instead: anyone; a concordant user whom a concordant followee follows; or the best concordant
    proposal. Who finds nobody changes nothing."""
    choice: ChoiceConfig | None = None
    """What users click of what they are shown; null: nothing is clicked, and any proposal can be accepted."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.unfollow and self.tolerance is None:
            raise ValueError("unfollow: the discordant are unfollowed, so give a 'tolerance' that says who is")
        if self.follow != "random" and not self.keep_degree:
            raise ValueError(f"follow: {self.follow} says who is followed instead, so it goes with keep_degree: true")
        return self


@dataclass(frozen=True, eq=False)
class Conduct:
    """Conduct by :class:`ConductConfig`.

    With ``keep_degree`` the rewiring is that of Sasahara, Chen, Peng, Ciampaglia, Flammini and Menczer (Journal of
    Computational Social Science 2021), in steps of all users: with probability ``unfollow`` a user drops one discordant
    followee for a user at random, one whom friends share, or one recommended. They draw among the authors on a screen
    of recent messages; here, among all followees.

    Draws depend on the seed, the step, the user and the source alone, so that arms share them.
    """

    config: ConductConfig

    def changes(
        self,
        scene: Scene,
        proposals: Proposals | None,
        opinions: Opinions,
        step: int,
        log: EdgeLog | None = None,
    ) -> Changes:
        """Return what users do in a step.

        Args:
            scene: whom they follow now; the scores of its lists count where proposals are the lists, elsewhere all
                sources score 0.
            proposals: what each user is shown, best first, shape (n_users, k), -1 pads; None where nothing is.
            opinions: shape (n_users, n_dims).
            step: number of the step.
            log: what was done before, for satiation; None: nothing.
        """
        n = scene.graph.n_users
        shown = np.zeros((n, 0), np.int32) if proposals is None else np.asarray(proposals, np.int32)
        clicked = self._clicked(scene, shown, opinions, step, log)
        can_follow = clicked if self.config.choice is not None else np.ones(shown.shape, np.bool_)
        rows = (np.asarray(scene.graph.indptr), np.asarray(scene.graph.indices))
        world = World(*rows, np.ascontiguousarray(opinions), shown, can_follow)
        dropped = np.zeros(scene.graph.n_edges, np.bool_)
        added = np.full((n, shown.shape[1] + 1), -1, np.int32)
        act(world, _plan(self.config), _keys(scene.seed, step), dropped, added)
        ended, begun = _edges(scene, dropped), _pairs(added, added >= 0)
        if self.config.keep_degree and not scene.graph.directed:
            ended, begun = exchanged(ended, begun, n, key_of("conduct exchanged", scene.seed, step))
        return Changes(ended, begun, _pairs(shown, clicked))

    def _clicked(
        self, scene: Scene, shown: NDArray[np.int32], opinions: Opinions, step: int, log: EdgeLog | None
    ) -> NDArray[np.bool_]:
        """Tell what is clicked, shape (n_users, k)."""
        choice = self.config.choice
        if choice is None or not shown.shape[1]:
            return np.zeros(shown.shape, np.bool_)
        positions = opinions if scene.items is None else np.concatenate([opinions, scene.items.astype(opinions.dtype)])
        seen = log.times_clicked(shown) if log is not None and choice.satiation else None
        key = key_of("conduct clicks", scene.seed, step)
        return clicks(choice, shown, _scores(scene, shown), opinions, positions, key, seen)


def exchanged(ended: Pairs, begun: Pairs, n_users: int, key: int) -> tuple[Pairs, Pairs]:
    """Return as many mutual ties ended as begun, each once and drawn where one side has more.

    Args:
        ended: ties that either end drops, shape (m, 2).
        begun: ties that either end takes up, shape (m, 2).
        n_users: number of users.
        key: of the draw, which goes by the tie alone.
    """
    ties = [np.unique(np.sort(pairs, axis=1), axis=0) for pairs in (ended, begun)]
    number = min(len(pairs) for pairs in ties)
    return _some(ties[0], number, n_users, key), _some(ties[1], number, n_users, key)


def _some(ties: Pairs, number: int, n_users: int, key: int) -> Pairs:
    """Draw a number of ties, in their order."""
    names = ties[:, 0].astype(np.int64) * n_users + ties[:, 1]
    drawn = keyed_uniform(key, names, np.zeros(1, np.int64))[:, 0]
    return ties[np.sort(np.argsort(drawn, kind="stable")[:number])]


def _scores(scene: Scene, shown: NDArray[np.int32]) -> NDArray[np.floating[Any]]:
    """Scores of what is shown; 0 where it is not the scene's lists."""
    k = shown.shape[1]
    if scene.lists is None or scene.scores is None or not np.array_equal(scene.lists[:, :k], shown):
        return np.zeros(shown.shape, np.float32)
    return scene.scores[:, :k]


def _edges(scene: Scene, chosen: NDArray[np.bool_]) -> Pairs:
    """Users and sources of some edges, shape (m, 2)."""
    places = np.flatnonzero(chosen)
    users = np.searchsorted(scene.graph.indptr, places, side="right") - 1
    return np.stack([users, scene.graph.indices[places]], 1).astype(np.int32)


def _pairs(sources: NDArray[np.int32], chosen: NDArray[np.bool_]) -> Pairs:
    """Rows and values of some entries, shape (m, 2)."""
    users, slots = np.nonzero(chosen)
    return np.stack([users, sources[users, slots]], 1).astype(np.int32)


def _plan(config: ConductConfig) -> Plan:
    """The configuration as compiled code reads it."""
    discordant = config.accept if config.accept_discordant is None else config.accept_discordant
    limit = np.inf if config.tolerance is None else config.tolerance**2
    return Plan(config.accept, discordant, config.unfollow, limit, config.keep_degree, FOLLOWS.index(config.follow))


def _keys(seed: int, step: int) -> Keys:
    """Keys of a step's draws."""
    return Keys(*(np.uint64(key_of(f"conduct {what}", seed, step)) for what in Keys._fields))
