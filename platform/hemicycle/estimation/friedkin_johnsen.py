"""Friedkin and Johnsen's influence with an anchor in innate opinions."""

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class FriedkinJohnsen(Mechanism):
    """x' = u + s (m - u) + drift + noise (Friedkin and Johnsen, J. Math. Sociol. 15, 1990).

    u are the innate opinions: given, or the first of three or more waves. With two waves and no innate opinions it is
    the same as assimilation, and not estimated.
    """

    coefficients = ("susceptibility",)
    anchored = True
    formula = (
        "x' = u + s (m - u) + drift + noise, u the innate opinions (Friedkin and Johnsen, J. Math. Sociol. 15, 1990)"
    )

    class Config(MechanismConfig):
        """Options of the Friedkin-Johnsen model."""

        mechanism: str = "friedkin_johnsen"

    def offset(self, scene: Scene, opinions: Floats) -> Floats:
        """Return u - x."""
        return scene.innate - opinions

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return m - u."""
        del shape
        return (scene.pull(opinions) + opinions - scene.innate)[:, None]
