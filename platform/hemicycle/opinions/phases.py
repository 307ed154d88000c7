"""Closed forms: where opinion models change what they end in."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hemicycle.core.errors import InputError
from hemicycle.opinions.base import Opinions, Sources

Moments = tuple[float, float]
"""Mean and mean square."""


def activity_moments(exponent: float = 2.1, low: float = 0.01, high: float = 1.0) -> Moments:
    """Mean and mean square of activities of density proportional to a^-exponent on [low, high], 0 < low < high."""

    def integral(power: float) -> float:
        rest = power + 1 - exponent
        return float(np.log(high / low) if abs(rest) < 1e-12 else (high**rest - low**rest) / rest)

    return integral(1) / integral(0), integral(2) / integral(0)


def activity_eigenvalue(moments: Moments, reciprocity: float) -> float:
    """Return Lambda = [(1 + r) <a> + sqrt((1 - r)^2 <a>^2 + 4 r <a^2>)] / 2.

    Contacts are a_i / N + r a_j / N likely (or the same the other way round): a matrix of rank two, whose action on
    the means of x and of a x has this largest eigenvalue. With equal activities it is (1 + r) a.
    """
    mean, square = moments
    r = reciprocity
    return float(((1 + r) * mean + np.sqrt((1 - r) ** 2 * mean**2 + 4 * r * square)) / 2)


def critical_controversialness(
    influence: float, contacts: int, reciprocity: float, moments: Moments, overlap: Sequence[Sequence[float]] = ((1,),)
) -> float:
    """Return the controversialness alpha_c above which consensus at 0 is unstable in Baumann et al.'s model.

    The linear mean field without homophily grows like exp((K m Lambda lambda alpha - 1) t), with lambda the largest
    eigenvalue of the topics' overlap, so alpha_c = 1 / (K m Lambda lambda) (PRL 124, 048301, 2020; PRX 11, 011012,
    2021). Small networks and homophily move the transition.

    Args:
        influence: K.
        contacts: m.
        reciprocity: r.
        moments: of the activities (:func:`activity_moments`).
        overlap: matrix Phi of cosines between topics; the default is one topic.
    """
    largest = float(np.linalg.eigvalsh(np.asarray(overlap, dtype=np.float64))[-1])
    return 1 / (influence * contacts * activity_eigenvalue(moments, reciprocity) * largest)


def two_islands(bias: float, homophily: float) -> float:
    """Return where biased assimilation leaves the island that began above 1/2, on a scale from 0 to 1.

    Two islands of equal size, each user having ``homophily`` times more weight on its own; they begin at x > 1/2 and
    at 1 - x (Dandekar, Goel and Lee, PNAS 110(15), 2013). The answer is 1 for a bias of 1 or more (polarization), 1/2
    for one of at most 2 / (homophily + 1) (consensus), and between them the root y > 1 of y^(1 - b) = (h y + 1) /
    (y + h) with y = x / (1 - x) (persistent disagreement).

    Raises:
        InputError: a bias below 0 or a homophily of at most 1.
    """
    if bias < 0 or homophily <= 1:
        raise InputError(f"bias {bias:g} and homophily {homophily:g}", remedy="give a bias >= 0 and a homophily > 1")
    if bias >= 1:
        return 1.0
    if bias <= 2 / (homophily + 1):
        return 0.5

    def excess(log_odds: float) -> float:
        against = np.exp(-log_odds)
        return float((1 - bias) * log_odds - np.log((homophily + against) / (1 + homophily * against)))

    if excess(1e-6) >= 0:
        return 0.5
    log_odds = brentq(excess, 1e-6, 2 * np.log(homophily) / (1 - bias), xtol=1e-14)
    return float(1 / (1 + np.exp(-log_odds)))


def stationary(sources: Sources, opinions: Opinions, confidence: float) -> bool:
    """Tell whether nobody can ever see anything discordant: all components are at most ``confidence`` wide.

    The stationarity of Sasahara et al.'s model (J. Comput. Soc. Sci. 4, 2021): users in one component (directions
    left aside) hold opinions within the confidence, so that messages, reposts too, neither separate nor unfollow.
    In several dimensions a component's width is the diagonal of its bounding box, sufficient but not necessary.
    """
    return bool((component_widths(sources, opinions) <= confidence).all())


def component_widths(sources: Sources, opinions: Opinions) -> NDArray[np.float64]:
    """Return the diagonal of the bounding box of each component's opinions, sources beside the users included."""
    n = len(sources.positions)
    rows = np.repeat(np.arange(sources.n_users), np.diff(sources.indptr))
    graph = coo_array((np.ones(len(rows), np.int8), (rows, sources.indices)), shape=(n, n))
    count, labels = connected_components(graph, directed=False)
    return _widths(sources.at(opinions).positions, labels, count)


def _widths(positions: Opinions, labels: NDArray[Any], count: int) -> NDArray[np.float64]:
    low = np.full((count, positions.shape[1]), np.inf)
    high = -low
    np.minimum.at(low, labels, positions)
    np.maximum.at(high, labels, positions)
    return np.asarray(np.linalg.norm(high - low, axis=1), dtype=np.float64)
