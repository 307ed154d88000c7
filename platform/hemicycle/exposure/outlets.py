"""Media outlets: sources with positions of their own, and audiences that choose them."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from hemicycle.core.errors import InputError, Problem
from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene, neighbours
from hemicycle.opinions.base import Opinions, Sources

_ROWS = 1 << 16


class Outlets(Mediated):
    """Each user sees k media outlets beside its neighbours; outlets have positions and never move.

    A user's outlets are drawn without replacement, one after the other, with probability proportional to
    exp(-selectivity |x_u - p_o|): selective exposure in the form of a multinomial logit (McFadden 1974; compare the
    media choice of Gentzkow and Shapiro, Econometrica 2010). 0: audiences are mixed; large: everyone takes the
    nearest. The draw of a user and an outlet is the same in all steps, so that a user whose opinion stays keeps its
    outlets; ``refresh: 0`` keeps those of the start.
    """

    class Config(MediatedConfig):
        """Options of exposure to media."""

        exposure: str = "outlets"
        k: int = Field(default=1, ge=1)
        """Outlets that each user sees."""
        number: int = Field(default=5, ge=0)
        """Outlets, evenly spread from -leaning to leaning in the first dimension and at 0 in others; 0: the outlets
        are the items of the society."""
        leaning: float = Field(default=1.0, ge=0)
        """How far out the outermost outlets stand; a single outlet stands at this very position."""
        positions: list[list[float]] = Field(default=[])
        """Position of each outlet, in place of ``number`` and ``leaning``."""
        selectivity: float = Field(default=2.0, ge=0)
        """How much nearer outlets are preferred, for each unit of distance."""

        @model_validator(mode="after")
        def _lists_long_enough(self) -> "Outlets.Config":
            lengths = {len(row) for row in self.positions}
            if len(lengths) > 1 or 0 in lengths:
                raise ValueError(f"positions of outlets have {sorted(lengths)} dimensions; give all of them the same")
            known = len(self.positions) or self.number
            if known and self.k > known:
                raise ValueError(f"{known} outlets, fewer than the k = {self.k} that each user sees")
            return self

    config: Config

    def problems(self, scene: Scene) -> list[Problem]:
        """Report that the society's items are missing or too few to be the outlets."""
        if self.config.positions or self.config.number:
            return []
        found = 0 if scene.items is None else len(scene.items)
        if found >= self.config.k:
            return []
        what = f"the arm {self.config.label!r} shows {self.config.k} items of the society, which has {found}"
        return [Problem(what, remedy="set 'number' or 'positions' of the outlets, or give the society items")]

    def own(self, n_dims: int) -> NDArray[np.float64]:
        """Return the positions of the outlets that are not items of the society, shape (n_outlets, n_dims).

        Raises:
            InputError: the positions given have another number of dimensions.
        """
        if not self.config.positions:
            out = np.zeros((self.config.number, n_dims))
            low = self.config.leaning if self.config.number == 1 else -self.config.leaning
            out[:, 0] = np.linspace(low, self.config.leaning, self.config.number)
            return out
        given = np.array(self.config.positions, float)
        if given.shape[1] != n_dims:
            what = (
                f"outlets of the arm {self.config.label!r} stand in {given.shape[1]} dimensions and users in {n_dims}"
            )
            raise InputError(what, remedy="give each outlet one number a dimension")
        return given

    def followed(self, scene: Scene, opinions: Opinions) -> Sources:
        """Return the neighbours, with outlets among the positions."""
        if self.config.strength == 0:
            return super().followed(scene, opinions)
        own = self.own(opinions.shape[1])
        items = own if scene.items is None else np.concatenate([scene.items, own])
        return neighbours(scene.graph, opinions, items)

    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> NDArray[np.int32]:
        """Return the outlets of each user, the strongest draw first."""
        del step
        n_users, own = len(opinions), self.own(opinions.shape[1])
        n_items = 0 if scene.items is None else len(scene.items)
        if len(own):
            return self._audience(own, opinions, scene.seed) + np.int32(n_users + n_items)
        assert scene.items is not None, "see problems()"
        return self._audience(scene.items, opinions, scene.seed) + np.int32(n_users)

    def _audience(self, outlets: Opinions, opinions: Opinions, seed: int) -> NDArray[np.int32]:
        """Draw outlets without replacement: the largest utilities with Gumbel noise (Gumbel 1954)."""
        key, columns = key_of("outlets", seed), np.arange(len(outlets))
        out = np.empty((len(opinions), self.config.k), np.int32)
        for start in range(0, len(out), _ROWS):
            rows = np.arange(start, min(start + _ROWS, len(out)))
            noise = -np.log(-np.log(keyed_uniform(key, rows, columns)))
            away = np.linalg.norm(opinions[rows, None].astype(float) - outlets[None], axis=2)
            utility = noise - self.config.selectivity * away
            out[rows] = np.argsort(-utility, axis=1, kind="stable")[:, : self.config.k]
        return out
