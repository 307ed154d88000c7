"""DeGroot's assimilation to those whom one follows."""

from hemicycle.estimation.base import Mechanism, MechanismConfig, Scene
from hemicycle.estimation.kernels import Floats


class Assimilation(Mechanism):
    """x' = x + s (m - x) + drift + noise, m the weighted mean of the sources (DeGroot, J. Am. Stat. Assoc. 69, 1974).

    The susceptibility s is 1 in DeGroot's model without self-weight. Users without sources stay.
    """

    coefficients = ("susceptibility",)
    formula = "x' = x + s (m - x) + drift + noise, m the mean of the sources (DeGroot, J. Am. Stat. Assoc. 69, 1974)"

    class Config(MechanismConfig):
        """Options of assimilation."""

        mechanism: str = "assimilation"

    def columns(self, scene: Scene, opinions: Floats, shape: float) -> Floats:
        """Return m - x."""
        del shape
        return scene.pull(opinions)[:, None]
