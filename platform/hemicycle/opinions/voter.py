"""The voter model."""

import numpy as np

from hemicycle.opinions.base import OpinionModel, Opinions, Sources
from hemicycle.opinions.copying import Copying, CopyingConfig, copied


class Voter(OpinionModel):
    """x_i' = x_j for one source j of user i, drawn by weight, in all dimensions together.

    Clifford and Sudbury (Biometrika 60, 1973); Holley and Liggett (Ann. Probab. 3, 1975). Any value may be held. On a
    regular graph the probability to end in a state is its initial share; on the complete graph of N users the mean
    time to consensus from a share p is N [-(1 - p) ln(1 - p) - p ln p] sweeps of N updates, for large N.
    """

    class Config(CopyingConfig):
        """Options of the voter model."""

        opinion: str = "voter"

    config: Config

    def step(self, opinions: Opinions, innate: Opinions, sources: Sources, key: int) -> Opinions:
        """Return the opinions after everybody copied somebody, once on average."""
        del innate
        never, n = np.zeros(len(opinions)), len(opinions)
        how = Copying(never, never, self.fixed(n), (-1.0, 1.0), at_once=self.config.schedule == "synchronous")
        return copied(opinions, sources, how, key)
