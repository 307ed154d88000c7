"""Users with whom one shares neighbours: the link recommendation of social media."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from hemicycle.core.counters import row_key, uniform_of
from hemicycle.core.loops import compiled, over_rows
from hemicycle.core.seeding import key_of
from hemicycle.exposure.base import Mediated, MediatedConfig, Scene
from hemicycle.exposure.kernels import place
from hemicycle.exposure.walks import BLOCK, count_walks, largest_table, n_blocks
from hemicycle.opinions.base import Opinions

_MEASURES = {"common": 0, "cosine": 1, "jaccard": 2}


class Structural(Mediated):
    """Each user is shown friends of friends by structural similarity, blind to opinions.

    Santos, Lelkes and Levin (PNAS 2021) show that such recommendation polarizes by itself. With c_uv the number of
    users whom u follows and who follow v (common neighbours where edges have no direction), d_u how many u follows
    and p_v how many follow v, the similarity is c_uv, c_uv / sqrt(d_u p_v), or c_uv / (d_u + p_v - c_uv). Those
    with the largest are shown, or, with a ``preference`` b, users drawn without replacement with probability
    proportional to similarity^b: 0 draws friends of friends alike, below 0 it prefers the dissimilar.
    """

    class Config(MediatedConfig):
        """Options of link recommendation by structure."""

        exposure: str = "structural"
        measure: Literal["common", "cosine", "jaccard"] = "cosine"
        """``common``: common neighbours; ``cosine``, ``jaccard``: relative to both degrees."""
        preference: float | None = Field(default=None, ge=-100, le=100)
        """Exponent of the similarity in the chance to be shown; null: the most similar are."""

    config: Config

    def proposals(self, scene: Scene, step: int, opinions: Opinions) -> NDArray[np.int32]:
        """Return structurally similar users for each user, best first; -1 pads."""
        del opinions
        graph = (np.asarray(scene.graph.indptr), np.asarray(scene.graph.indices))
        followers = np.bincount(scene.graph.indices, minlength=scene.graph.n_users)
        preference = np.nan if self.config.preference is None else self.config.preference
        rule = (_MEASURES[self.config.measure], float(preference))
        out = np.full((scene.graph.n_users, self.config.k), -1, np.int32)
        key, work = np.uint64(key_of("structural exposure", scene.seed, step)), scene.graph.n_edges
        over_rows(_fill, n_blocks(len(out)), graph, followers, rule, key, out, work=work)
        return out


@compiled
def _fill(span: Any, graph: Any, followers: Any, rule: Any, key: Any, out: Any) -> None:  # noqa: PLR0913, PLR0917 - numba takes arrays
    n = len(out)
    for block in range(span[0], span[1]):
        users = np.arange(block * BLOCK, min(n, (block + 1) * BLOCK))
        size = largest_table(graph, users)
        table = (np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size, np.int64))
        for user in users:
            n_found = count_walks(graph, user, key, table)
            _list_best(
                table, n_found, (graph[0][user + 1] - graph[0][user], followers), (rule, row_key(key, user)), out[user]
            )


@compiled
def _list_best(table: Any, n_found: Any, degrees: Any, rule: Any, out: Any) -> None:
    """List the endpoints of the largest similarity, or of the largest perturbed one (Gumbel: a draw without return)."""
    ids, counts, found = table
    own, followers = degrees
    (measure, preference), key = rule
    values, ties = np.full(len(out), -np.inf), np.full(len(out), -np.inf)
    for f in range(n_found):
        j, shared = ids[found[f]], counts[found[f]]
        value, drawn = _similarity(measure, shared, own, followers[j]), uniform_of(key, j)
        if not np.isnan(preference):
            value = preference * np.log(value) - np.log(-np.log(drawn))
        if value >= values[-1]:
            place(out, values, ties, (j, value, drawn))


@compiled
def _similarity(measure: Any, shared: Any, own: Any, other: Any) -> Any:
    if measure == 0:
        return np.float64(shared)
    if measure == 1:
        return shared / np.sqrt(np.float64(own) * np.float64(other))
    return np.float64(shared) / (own + other - shared)
