"""Several exposures at once."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field, field_validator

from hemicycle.core.config import Chosen, Options
from hemicycle.core.errors import Problem
from hemicycle.exposure.base import Exposure, ExposureConfig, Scene
from hemicycle.exposure.catalogue import EXPOSURES
from hemicycle.exposure.kernels import add_blended
from hemicycle.opinions.base import Opinions, Sources

PART = Chosen("exposure", "exposure", {name: target for name, target in EXPOSURES.items() if name != "mixed"})


class PartConfig(Options):
    """One part of a mixed exposure."""

    weight: float = Field(default=1.0, ge=0)
    """Share of the exposure, in proportion to the parts' weights; a part of weight 0 is left out."""
    of: Annotated[Any, PART]
    """The exposure."""


class Mixed(Exposure):
    """W = sum over parts p of weight_p W_p, divided by the sum of the weights.

    A user's total weight stays that of its neighbours. A part that shows a user nothing counts as the user itself,
    if another shows it something. A part is drawn anew when it would be by itself; what of it goes by opinions or by
    the graph is taken as they are when any part is drawn.
    """

    class Config(ExposureConfig):
        """Options of a mixed exposure."""

        exposure: str = "mixed"
        parts: list[PartConfig] = Field(default=[{"of": "none"}], min_length=1)  # type: ignore[list-item]
        """Exposures, e.g. ``{weight: 0.3, of: {exposure: random, strength: 1}}``; the lists of one model at most."""

        @field_validator("parts")
        @classmethod
        def _some_weight(cls, parts: list[PartConfig]) -> list[PartConfig]:
            if not any(part.weight > 0 for part in parts):
                raise ValueError("all parts have the weight 0; give one of them more")
            if sum(part.of.exposure == "recommended" for part in parts) > 1:
                raise ValueError("several parts show the lists of a model; an arm has one model, so keep one of them")
            return parts

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        used = [part for part in config.parts if part.weight > 0]
        total = sum(part.weight for part in used)
        self.parts: list[tuple[float, Exposure]] = [(part.weight / total, PART.build(part.of)) for part in used]

    def problems(self, scene: Scene) -> list[Problem]:
        """Report the problems of all parts."""
        return [problem for _, part in self.parts for problem in part.problems(scene)]

    def redraws(self, step: int) -> bool:
        """Tell whether any part is drawn anew."""
        return any(part.redraws(step) for _, part in self.parts)

    def shown(self, scene: Scene, step: int, opinions: Opinions) -> Sources:
        """Return the blend of what the parts show, each as of its own last draw."""
        shown = [part.shown(scene, last_draw(part, step), opinions) for _, part in self.parts]
        return shown[0] if len(shown) == 1 else blended(shown, [share for share, _ in self.parts])


def recommended_part(config: ExposureConfig) -> ExposureConfig | None:
    """Return the options of the model's lists that an arm shows, alone or among its parts; None: it shows none."""
    found = [config, *(part.of for part in getattr(config, "parts", []))]
    return next((options for options in found if options.exposure == "recommended"), None)


def last_draw(exposure: Exposure, step: int) -> int:
    """Return the last step, up to ``step``, at which an exposure was drawn anew."""
    return next(before for before in range(step, -1, -1) if exposure.redraws(before))


def blended(shown: list[Sources], shares: list[float]) -> Sources:
    """Return the weighted sum of exposures of the same users; sources that are no users follow part by part.

    Args:
        shown: exposures of users at the same opinions; in rows of the same total weight, or empty.
        shares: weight of each, with the sum 1.
    """
    n_users = shown[0].n_users
    entries = [np.maximum(np.diff(part.indptr), 1) for part in shown]  # a part that shows nothing: the user itself
    seeing = np.any([np.diff(part.indptr) > 0 for part in shown], axis=0)
    indptr = np.concatenate([[0], np.cumsum(np.where(seeing, sum(entries), 0))]).astype(np.int64)
    indices, weights = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    places, positions = np.where(seeing, indptr[:-1], -1), [shown[0].positions[:n_users]]
    for part, share, counts in zip(shown, shares, entries, strict=True):
        moved = (n_users, sum(len(others) for others in positions) - n_users)
        add_blended((part.indptr, part.indices), part.weights, float(share), moved, (places, indices, weights))
        places = np.where(seeing, places + counts, -1)
        positions.append(part.positions[n_users:])
    return Sources(indptr, indices, weights, np.concatenate(positions))
