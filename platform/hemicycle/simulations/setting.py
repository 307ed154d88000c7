"""What a run is given: a society, an opinion model, an exposure, and what else happens beside the opinions' moves."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.errors import Problem
from hemicycle.core.seeding import key_of
from hemicycle.exposure.base import Exposure, Scene
from hemicycle.exposure.conduct import Conduct
from hemicycle.exposure.mediator import Mediator
from hemicycle.exposure.mixed import recommended_part
from hemicycle.opinions.base import OpinionModel, Opinions, People
from hemicycle.simulations.horizon import Horizon
from hemicycle.simulations.knowledge import KnowledgeConfig
from hemicycle.simulations.society import Society, opinion_problems


@dataclass(frozen=True, eq=False)
class Setting:
    """One run: all that decides it. Two runs of equal settings are equal to the last bit.

    Args:
        society: users, their follows and what is known of them.
        innate: innate opinions, which are also the first ones, shape (n_users, n_dims); the horizon's noise is not
            applied here (:func:`hemicycle.simulations.loop.innate_opinions`).
        model: how opinions answer to exposure; it is bound to the society's users here.
        exposure: who is shown what.
        horizon: steps and measurements.
        seed: seed of all that is drawn.
        mediator: the trained recommender of the arm.
        lists: recommendation lists in place of a mediator, int32, shape (n_users, length); -1 pads. They never change.
        conduct: what users do about what they are shown; None: nothing, the graph stays.
        knowledge: what is asked of the mediator's vectors at every refresh; None: nothing.
    """

    society: Society
    innate: Opinions
    model: OpinionModel
    exposure: Exposure
    horizon: Horizon
    seed: int = 0
    mediator: Mediator | None = None
    lists: NDArray[np.int32] | None = None
    conduct: Conduct | None = None
    knowledge: KnowledgeConfig | None = None

    @property
    def people(self) -> People:
        """What the opinion model is told of the users."""
        society, bounds = self.society, self.horizon.bounds
        key = key_of("people", self.seed)
        return People(society.n_users, key, bounds, society.groups, society.columns, society.fixed)

    @property
    def scene(self) -> Scene:
        """The scene before the first step; a mediator's lists are not made yet."""
        society = self.society
        earlier = None if self.conduct is None else society.graph
        return Scene(society.graph, self.seed, self.lists, None, society.items, society.groups, earlier)

    @property
    def listing(self) -> Any:
        """Options of the mediator's lists, which the arm shows alone or among its parts; None: it shows none."""
        return recommended_part(self.exposure.config)

    def problems(self) -> list[Problem]:
        """Everything that is wrong with the setting; empty when nothing is."""
        found = [*self.society.problems(None), *opinion_problems(self.innate, self.horizon.bounds)]
        if self.innate.shape != self.society.opinions.shape:
            shapes = f"{self.innate.shape} beside observed ones of shape {self.society.opinions.shape}"
            found.append(Problem(f"innate opinions of shape {shapes}"))
        sound = not found
        found += self.model.problems(self.horizon.width)
        found += self.model.start_problems(self.innate, self.horizon.bounds) if sound else []
        return [*found, *(self._exposure_problems() if sound else self.exposure.problems(self.scene))]

    def _exposure_problems(self) -> list[Problem]:
        """What is wrong with the exposure and the mediator; lists still to be made count as made."""
        options, scene = self.listing, self.scene
        if self.mediator is None or options is None:
            return self.exposure.problems(scene)
        found = self.mediator.problems(scene, options, knowledge=self.knowledge is not None)
        empty = np.broadcast_to(np.int32(-1), (self.society.n_users, options.k))
        return [*found, *self.exposure.problems(replace(scene, lists=empty))]
