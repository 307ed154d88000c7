"""No mediation: users see whom they follow."""

from hemicycle.exposure.base import Exposure, ExposureConfig, Scene, neighbours
from hemicycle.opinions.base import Opinions, Sources


class Neighbours(Exposure):
    """Each user sees the users it follows and nobody else: the reference arm."""

    class Config(ExposureConfig):
        """Options of exposure without mediation."""

        exposure: str = "none"

    config: Config

    def shown(self, scene: Scene, step: int, opinions: Opinions) -> Sources:
        """Return the graph itself."""
        del step
        return neighbours(scene.graph, opinions, scene.items)
