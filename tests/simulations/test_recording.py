import numpy as np
import pytest
from pydantic import ValidationError

from hemicycle.exposure.neighbours import Neighbours
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.bounded_confidence import BoundedConfidence
from hemicycle.simulations.horizon import Horizon, StopConfig, spaced
from hemicycle.simulations.loop import simulate
from hemicycle.simulations.metrics import CLUSTERS, COSTLY, METRICS
from hemicycle.simulations.recording import consensus_tolerance, reason_to_stop
from hemicycle.simulations.setting import Setting
from hemicycle.simulations.society import Society

N = 30


def run(stop=None, confidence=2.0, **options):
    everyone = np.arange(N)
    graph = InteractionGraph.from_edges(np.repeat(everyone, N), np.tile(everyone, N), N, N, social=True)
    x = np.random.default_rng(0).uniform(-1, 1, (N, 1)).astype(np.float32)
    model = BoundedConfidence(BoundedConfidence.Config(confidence=confidence, mobility=0.5))
    horizon = Horizon(steps=60, stop=stop, **options)
    return simulate(Setting(Society(graph, x, public=True), x, model, Neighbours(Neighbours.Config()), horizon))


def steps_of(found, metric):
    return found.metrics[found.metrics.metric == metric].step.tolist()


def test_times_are_spaced_evenly_in_their_logarithm():
    assert spaced(5, 1000) == [0, 5, 31, 177, 1000]
    assert spaced(100, 6) == list(range(7))
    assert spaced(1, 50) == [50]
    assert spaced(0, 50) == []
    assert spaced(2, 50) == [0, 50]


def test_cheap_and_costly_metrics_have_their_own_rhythm():
    found = run(metrics_every=7, costly_every=25)
    for name in METRICS:
        assert steps_of(found, name) == [0, 7, 14, 21, 28, 35, 42, 49, 56, 60]
    for name in [*COSTLY, *CLUSTERS]:
        assert steps_of(found, name) == [0, 25, 50, 60]
    assert steps_of(run(costly_every=0), "clusters") == []


def test_a_run_stops_at_consensus():
    found = run(StopConfig(consensus=0.01))
    spread = found.metrics[found.metrics.metric == "spread"]
    assert found.stopped == "consensus"
    assert 1 < spread.step.max() < 60
    assert spread.value.iloc[-1] <= 0.01 < spread.value.iloc[-2]
    end = found.metrics[found.metrics.metric == "time_to_consensus"]
    assert (end.step.item(), end.value.item()) == (spread.step.max(), spread.step.max())
    assert steps_of(found, "clusters")[-1] == spread.step.max()


def test_a_run_stops_when_metrics_stand_still():
    found = run(StopConfig(stationary=("variance", "bimodality"), window=4, tolerance=1e-9), confidence=0.2)
    values = found.metrics.pivot_table(values="value", index="step", columns="metric")[["variance", "bimodality"]]
    assert found.stopped == "stationary"
    assert np.ptp(values[-4:], axis=0).max() <= 1e-9 < np.ptp(values[-5:-1], axis=0).max()
    assert np.isnan(found.metrics[found.metrics.metric == "time_to_consensus"].value.item())


def test_without_a_rule_a_run_goes_to_its_last_step():
    found = run()
    assert found.stopped == ""
    assert found.state.step == 60


def test_reasons_by_hand():
    rows = [(0, "spread", 1.0), (0, "variance", 2.0), (1, "spread", 0.5), (1, "variance", 2.0)]
    assert reason_to_stop(rows, None) == ""
    assert reason_to_stop(rows, StopConfig(consensus=0.5)) == "consensus"
    assert reason_to_stop(rows, StopConfig(consensus=0.4)) == ""
    assert reason_to_stop(rows, StopConfig(stationary=("variance",), window=2)) == "stationary"
    assert reason_to_stop(rows, StopConfig(stationary=("variance",), window=3)) == ""
    assert reason_to_stop(rows, StopConfig(stationary=("variance", "spread"), window=2)) == ""
    nothing = [(step, "bimodality", np.nan) for step in range(2)]
    assert reason_to_stop(nothing, StopConfig(stationary=("bimodality",), window=2)) == "stationary"


def test_tolerance_of_consensus():
    assert consensus_tolerance(Horizon()) == pytest.approx(0.02)
    assert consensus_tolerance(Horizon(bounds=(0, 10))) == pytest.approx(0.1)
    assert consensus_tolerance(Horizon(bounds=None)) == 0.01
    assert consensus_tolerance(Horizon(stop=StopConfig(consensus=0.3))) == 0.3


def test_a_stop_needs_a_rule_and_names_of_metrics():
    with pytest.raises(ValidationError, match="consensus"):
        StopConfig()
    with pytest.raises(ValidationError, match="no metric 'varianec'"):
        Horizon(stop=StopConfig(stationary=("varianec",)))
    with pytest.raises(ValidationError, match="least < greatest"):
        Horizon(bounds=(1, 1))


def test_densities_and_snapshots_are_kept_only_when_asked():
    bare = run()
    assert (len(bare.densities), bare.snapshots) == (0, {})
    found = run(densities=4, snapshots=3)
    assert sorted(found.densities.step.unique()) == spaced(4, 60)
    assert sorted(found.snapshots) == spaced(3, 60) == [0, 7, 60]
    assert found.snapshots[60].dtype == np.float16
    np.testing.assert_allclose(found.snapshots[60], found.opinions, atol=1e-3)
    early = run(StopConfig(consensus=0.01), densities=2, snapshots=2)
    assert max(early.snapshots) == early.densities.step.max() == early.state.step
