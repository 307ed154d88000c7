"""Users drawn at random: what a recommender without knowledge would show."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene
from hemicycle.opinions.base import Opinions


class Random(Mediated):
    """Each user is shown k others, uniform and independent, beside its neighbours.

    The draw in a slot depends on the seed, the step, the user and the slot alone: not on k, nor on who draws it.
    """

    class Config(MediatedConfig):
        """Options of random exposure."""

        exposure: str = "random"
        refresh: int = Field(default=1, ge=0)
        """Steps between two draws; 0: drawn once, at the start."""

    config: Config

    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> NDArray[np.int32]:
        """Draw k users for each user, itself excluded, with replacement."""
        del opinions
        return random_users(scene.graph.n_users, self.config.k, key_of("random exposure", scene.seed, step))


def random_users(n_users: int, k: int, key: int) -> NDArray[np.int32]:
    """Draw k users for each of ``n_users`` >= 2, itself excluded, with replacement; shape (n_users, k)."""
    users = np.arange(n_users)
    drawn = (keyed_uniform(key, users, np.arange(k)) * (n_users - 1)).astype(np.int32)
    drawn += drawn >= users[:, None]
    return drawn
