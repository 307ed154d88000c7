"""Polarization of a situation: the catalogue of metrics by name, and what is measured when.

Each metric is one function with its equation and source, in :mod:`hemicycle.simulations.metrics_distribution` (people),
:mod:`hemicycle.simulations.metrics_network` (follows) or :mod:`hemicycle.simulations.metrics_exposure` (what is shown);
here it is given what it needs of a situation. Metrics of exposure describe what was shown in the step that led to it,
at the opinions of that moment, and have no value at the start.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from hemicycle.core.seeding import key_of
from hemicycle.exposure.base import Proposals
from hemicycle.graphs.structure import random_walk_controversy
from hemicycle.simulations import metrics_distribution as distribution
from hemicycle.simulations import metrics_exposure as exposure
from hemicycle.simulations import metrics_network as network
from hemicycle.simulations.relevance import RELEVANCE
from hemicycle.simulations.situation import Shown, Situation
from hemicycle.simulations.sums import Seen

METRICS: Mapping[str, Callable[[Situation], float]] = {
    "mean": lambda s: distribution.mean(s.opinions),
    "variance": lambda s: distribution.variance(s.opinions),
    "bimodality": lambda s: distribution.bimodality(s.leading),
    "neighbour_correlation": lambda s: network.neighbour_correlation(s.opinions, s.heard),
    "disagreement": lambda s: network.disagreement(s.heard),
    "extremity": lambda s: distribution.extremity(s.opinions, s.middle),
    "extremity_growth": lambda s: distribution.extremity_growth(s.opinions, s.innate, s.middle),
    "leading_share": lambda s: distribution.leading_share(s.opinions),
    "spread": lambda s: distribution.spread(s.opinions),
    "esteban_ray": lambda s: distribution.esteban_ray(s.leading, s.span),
    "flache_macy": lambda s: distribution.flache_macy(s.opinions, s.seed),
    "one_sidedness": lambda s: distribution.one_sidedness(s.leading),
    "consensus": lambda s: distribution.consensus(s.opinions, s.bounds),
}
"""Cheap metrics of opinions and follows."""
SEVERAL: Mapping[str, Callable[[Situation], float]] = {
    "topic_correlation": lambda s: distribution.topic_correlation(s.opinions),
    "alignment": lambda s: distribution.alignment(s.opinions),
}
"""Cheap metrics of how several dimensions go together."""
SEEN: Mapping[str, Callable[[Seen], float]] = {
    "exposure_distance": exposure.exposure_distance,
    "cross_cutting_share": exposure.cross_cutting_share,
}
"""Cheap metrics of what was shown."""
COSTLY: Mapping[str, Callable[[Situation], float]] = {
    "polarization_disagreement": lambda s: network.polarization_disagreement(s.graph, s.innate),
    "random_walk_controversy": lambda s: random_walk_controversy(
        s.graph, s.sides(s.opinions), key_of("random walks", s.seed)
    ),
    "assortativity": lambda s: network.opinion_assortativity(s.leading, s.axis, s.heard, s.graph),
    "modularity": lambda s: network.side_modularity(s.sides(s.opinions), s.follows),
    "peaks": lambda s: distribution.peaks(s.leading),
}
"""Costly metrics of opinions and follows, one value each."""
CLUSTERS: Mapping[str, Callable[[NDArray[np.int64]], float]] = {
    "clusters": lambda sizes: float(len(sizes)),
    "effective_clusters": distribution.effective_clusters,
    "largest_cluster": lambda sizes: float(sizes[0] / sizes.sum()),
    "major_clusters": distribution.major_clusters,
    "minor_clusters": lambda sizes: len(sizes) - distribution.major_clusters(sizes),
}
"""Costly metrics of the sizes of clusters."""
PROPOSED: tuple[str, ...] = ("list_diversity", "calibration", "proposal_gini", "coverage", "homogenisation")
"""Costly metrics of what was proposed beside whom users follow."""
AT_THE_END = "time_to_consensus"
"""Measured once, with the last step."""
NAMES: tuple[str, ...] = (
    *METRICS,
    *SEVERAL,
    *SEEN,
    *COSTLY,
    *CLUSTERS,
    "exposure_gini",
    *PROPOSED,
    *RELEVANCE,
    AT_THE_END,
)
"""All names that a table of results can hold."""


def measure(situation: Situation) -> dict[str, float]:
    """Return the cheap metrics of a situation by name; those of several dimensions and of exposure where they apply."""
    values = {name: metric(situation) for name, metric in METRICS.items()}
    if situation.opinions.shape[1] > 1:
        values |= {name: metric(situation) for name, metric in SEVERAL.items()}
    if situation.seen is None:
        return values
    return values | {name: metric(situation.seen) for name, metric in SEEN.items()}


def measure_costly(situation: Situation) -> dict[str, float]:
    """Return the metrics of a situation that take far longer than a step, by name."""
    values = {name: metric(situation) for name, metric in COSTLY.items()}
    sizes = distribution.cluster_sizes(situation.opinions, distribution.NEAR * situation.width)
    values |= {name: metric(sizes) for name, metric in CLUSTERS.items()}
    return values | _of_exposure(situation)


def _of_exposure(situation: Situation) -> dict[str, float]:
    """Costly metrics of what was shown; none at the start."""
    shown = situation.shown
    if shown is None:
        return {}
    values = {"exposure_gini": exposure.exposure_gini(shown.sources)}
    return values if shown.proposals is None else values | _of_proposals(situation, shown, shown.proposals)


def _of_proposals(situation: Situation, shown: Shown, proposals: Proposals) -> dict[str, float]:
    """Metrics of proposals, those that go user by user over a sample."""
    positions = shown.sources.positions
    users = exposure.sample_of_users(len(proposals), situation.seed)
    kinds = exposure.kinds_of(situation.along(positions), situation.span)
    found = (
        exposure.list_diversity(proposals[users], positions),
        exposure.calibration(proposals[users], users, kinds, shown.graph),
        exposure.proposal_gini(proposals, len(positions)),
        exposure.coverage(proposals, len(positions)),
        exposure.homogenisation(proposals, situation.seed),
    )
    return dict(zip(PROPOSED, found, strict=True))


def time_to_consensus(rows: Iterable[tuple[int, str, float]], tolerance: float) -> float:
    """First measured step at which all opinions lie within ``tolerance`` in every dimension; NaN if there is none.

    Args:
        rows: step, metric, value, in order of steps, with the metric ``spread``.
        tolerance: greatest less least opinion that counts as consensus.
    """
    agreed = (step for step, metric, value in rows if metric == "spread" and value <= tolerance)
    return float(next(agreed, np.nan))
