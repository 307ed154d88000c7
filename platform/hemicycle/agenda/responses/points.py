"""From responses on the logit scale to percentage points of attention.

``mean``: the impulse group j rises by ``points`` from its mean attention m_j, which is a shock of
s_j = logit(m_j + points/100) - logit(m_j); group i then stands at 100 expit(logit(m_i) + s_j u_ij) points, u being the
response to a shock of size one, and its response is that less 100 m_i. Means are those of the data in every bootstrap
replication: the level at which the question is asked is fixed. On the scale of shares, responses are points at once.

``published``: as in the replication code of Barbera et al. (APSR 2019; repository lead_follow_apsr, script of figure
2): c_h = expit(cumulated response to one standard deviation, days 0 to h) - 1/2 is read as the effect of a rise by 100
points, so that a rise by ``points`` has the effect ``points`` c_h ("one-time"); for the permanent rise, days count from
1, and shocks s_h = 1 - sum_{r<h} s_r c^own_{h-r} are answered by sum_r s_r c_{h+1-r}. Sizes of shocks differ between
groups there (one standard deviation each), whatever the labels say.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from hemicycle.agenda.responses.impulse import convolved, held_shocks, per_unit, permanent

Floats = NDArray[np.float64]
Shocks = dict[tuple[str, str], Floats]
"""(shock, scale) -> responses, shape (..., days, groups, groups)."""


@dataclass(frozen=True, eq=False)
class Translation:
    """How responses become points.

    Args:
        means: mean attention of each group, shape (groups,).
        points: rise of the impulse group.
        rule: ``mean`` or ``published``.
        lasting: what a permanent rise is, see :func:`hemicycle.agenda.responses.impulse.permanent`.
        logits: whether responses are on the logit scale; otherwise shares.
    """

    means: Floats
    points: float = 10.0
    rule: Literal["mean", "published"] = "mean"
    lasting: Literal["held", "repeated"] = "held"
    logits: bool = True

    @property
    def sizes(self) -> Floats:
        """Size of each group's shock on the scale of the model, shape (groups,)."""
        rise = self.points / 100
        if not self.logits:
            return np.full(len(self.means), rise)
        return np.asarray(logit(np.minimum(self.means + rise, 1 - 1e-6)) - logit(self.means))

    def translated(self, deviation: Floats) -> Shocks:
        """Translate responses to shocks of one standard deviation, shape (..., days, groups, groups)."""
        one = per_unit(deviation) * self.sizes
        lasting = permanent(per_unit(deviation), self.lasting) * self.sizes
        scale = "logit" if self.logits else "share"
        on_scale = {("one-time", scale): one, ("permanent", scale): lasting}
        if self.rule == "published":
            return on_scale | published(deviation, self.points)
        points = self.in_points(one)
        return on_scale | {
            ("one-time", "points"): points,
            ("one-time cumulative", "points"): np.cumsum(points, axis=-3),
            ("permanent", "points"): self.in_points(lasting),
        }

    def in_points(self, responses: Floats) -> Floats:
        """Return what responses on the scale of the model are in points, from the responding groups' means.

        Args:
            responses: of size asked for, shape (..., groups, groups), which is that of the result.
        """
        if not self.logits:
            return 100 * responses
        level = self.means[:, None]
        return np.asarray(100 * (expit(logit(level) + responses) - level))


def published(deviation: Floats, points: float) -> Shocks:
    """Translate as the replication code does; day 0, which it leaves out, is 0.

    Args:
        deviation: responses to shocks of one standard deviation, shape (..., days, groups, groups).
        points: rise of the impulse group, in percentage points.

    Returns:
        By shock and scale, in percentage points, arrays of the same shape.
    """
    effect = expit(np.cumsum(deviation, axis=-3)) - 0.5
    effect[..., 0, :, :] = 0.0
    own = np.diagonal(effect, axis1=-2, axis2=-1)
    return {
        ("one-time", "points"): points * effect,
        ("permanent", "points"): points * convolved(held_shocks(own), effect),
    }
