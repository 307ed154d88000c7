"""The catalogue of metrics: what is measured of a situation, and when."""

import numpy as np
import pytest

from hemicycle.exposure.base import Scene
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.exposure.random import Random
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.simulations.metrics import (
    AT_THE_END,
    CLUSTERS,
    COSTLY,
    METRICS,
    NAMES,
    PROPOSED,
    SEEN,
    SEVERAL,
    measure,
    measure_costly,
    time_to_consensus,
)
from hemicycle.simulations.situation import Shown, Situation

N = 40


@pytest.fixture(scope="module")
def graph():
    rng = np.random.default_rng(0)
    return InteractionGraph.from_edges(rng.integers(0, N, 200), rng.integers(0, N, 200), N, N, social=True)


@pytest.fixture(scope="module", params=[1, 2])
def opinions(request):
    return np.random.default_rng(1).uniform(-1, 1, (N, request.param)).astype(np.float32)


def shown_by(exposure, graph, opinions):
    scene = Scene(graph, 0)
    proposals = exposure.proposals(scene, 0, opinions) if isinstance(exposure, Random) else None
    return Shown(exposure.shown(scene, 0, opinions), proposals, opinions, graph)


def cheap(opinions):
    return [*METRICS, *(SEVERAL if opinions.shape[1] > 1 else ())]


def test_at_the_start_nothing_was_shown(graph, opinions):
    start = Situation(opinions, graph, opinions)
    assert list(measure(start)) == cheap(opinions)
    assert list(measure_costly(start)) == [*COSTLY, *CLUSTERS]


def test_after_a_step_what_was_shown_is_measured_too(graph, opinions):
    for exposure, more in ((Neighbours(Neighbours.Config()), ()), (Random(Random.Config(k=4)), PROPOSED)):
        after = Situation(opinions / 2, graph, opinions, shown_by(exposure, graph, opinions))
        values, costly = measure(after), measure_costly(after)
        assert list(values) == [*cheap(opinions), *SEEN]
        assert list(costly) == [*COSTLY, *CLUSTERS, "exposure_gini", *more]
        assert np.isfinite([*values.values(), *costly.values()]).all()
        assert {*values, *costly} <= set(NAMES)
    assert len(set(NAMES)) == len(NAMES)
    assert AT_THE_END in NAMES


def test_exposure_is_measured_at_the_opinions_at_which_it_was_shown(graph, opinions):
    shown = shown_by(Neighbours(Neighbours.Config()), graph, opinions)
    later = measure(Situation(np.zeros_like(opinions) + np.float32(0.5), graph, opinions, shown))
    now = measure(Situation(opinions, graph, opinions, shown))
    assert later["exposure_distance"] == now["exposure_distance"] > 0
    assert later["disagreement"] == 0 < now["disagreement"]


def test_without_bounds_metrics_are_of_the_present_range(graph):
    x = np.random.default_rng(1).normal(size=(N, 1)) * 5
    values = measure(Situation(x, graph, x, bounds=None)) | measure_costly(Situation(x, graph, x, bounds=None))
    assert np.isfinite(list(values.values())).all()


def test_a_consensus_has_no_shape(graph, opinions):
    agreed = Situation(np.full_like(opinions, 0.3), graph, opinions)
    values = measure(agreed) | measure_costly(agreed)
    empty = {name for name, value in values.items() if np.isnan(value)}
    wanted = {
        "bimodality",
        "neighbour_correlation",
        "leading_share",
        "random_walk_controversy",
        "assortativity",
        "peaks",
    }
    assert empty == wanted | (set(SEVERAL) if opinions.shape[1] > 1 else set())
    assert values["consensus"] == values["one_sidedness"] == values["major_clusters"] == 1
    assert values["clusters"] == values["effective_clusters"] == values["largest_cluster"] == 1
    assert values["variance"] == pytest.approx(0, abs=1e-12)


def test_values_do_not_depend_on_the_order_of_users(graph, opinions):
    order = np.random.default_rng(3).permutation(N)
    place = np.argsort(order)
    users = place[graph.rows()], place[graph.indices]
    moved = InteractionGraph.from_edges(*users, N, N, social=True)
    first = measure(Situation(opinions, graph, opinions)) | measure_costly(Situation(opinions, graph, opinions))
    turned = Situation(opinions[order], moved, opinions[order])
    second = measure(turned) | measure_costly(turned)
    for name in first.keys() - {"random_walk_controversy"}:
        assert second[name] == pytest.approx(first[name], rel=1e-5, abs=1e-7), name


def test_time_to_consensus_is_the_first_step_of_little_spread():
    rows = [(0, "spread", 2.0), (0, "mean", 0.0), (5, "spread", 0.3), (10, "spread", 0.01), (15, "spread", 0.5)]
    assert time_to_consensus(rows, 0.02) == 10
    assert time_to_consensus(rows, 0.3) == 5
    assert np.isnan(time_to_consensus(rows, 0.001))
