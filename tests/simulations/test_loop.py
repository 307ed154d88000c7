import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.exposure.base import Scene
from hemicycle.exposure.neighbours import Neighbours
from hemicycle.exposure.random import Random
from hemicycle.exposure.recommended import Recommended
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.opinions.bounded_confidence import BoundedConfidence
from hemicycle.opinions.friedkin_johnsen import FriedkinJohnsen
from hemicycle.simulations.config import Horizon, SimulationConfig, runs
from hemicycle.simulations.loop import innate_opinions, simulate, simulate_run
from hemicycle.simulations.setting import Setting
from hemicycle.simulations.society import Society

N = 60
MODELS = [
    FriedkinJohnsen(FriedkinJohnsen.Config()),
    BoundedConfidence(BoundedConfidence.Config(confidence=0.5)),
]
NONE = Neighbours(Neighbours.Config())


@pytest.fixture(scope="module")
def graph():
    rng = np.random.default_rng(0)
    return InteractionGraph.from_edges(rng.integers(0, N, 300), rng.integers(0, N, 300), N, N, social=True)


@pytest.fixture(scope="module")
def innate():
    return np.random.default_rng(1).uniform(-1, 1, (N, 2))


def run_of(scene, innate, model, exposure, horizon, **options):
    """One run of a scene; trajectories are what the tests look at."""
    society = Society(scene.graph, innate, public=True)
    setting = Setting(society, innate, model, exposure, horizon, scene.seed, lists=scene.lists, **options)
    return simulate(setting)


def results(config, run, society):
    return simulate_run(config, run, society)["simulation_results"]


def value(trajectory, step, metric):
    table = trajectory.metrics
    return table[(table.step == step) & (table.metric == metric)].value.item()


@pytest.mark.parametrize("model", MODELS)
def test_rows_are_the_model_applied_step_by_step(graph, innate, model):
    found = run_of(Scene(graph, 0), innate, model, NONE, Horizon(steps=3))
    opinions = innate
    for step in range(4):
        assert value(found, step, "variance") == pytest.approx(opinions.var(axis=0).sum())
        opinions, last = model.step(opinions, innate, NONE.shown(Scene(graph, 0), 0, opinions), 0), opinions
    np.testing.assert_array_equal(found.opinions, last)


def test_measures_every_so_many_steps(graph, innate):
    table = run_of(Scene(graph, 0), innate, MODELS[0], NONE, Horizon(steps=5, metrics_every=2)).metrics
    assert sorted(table.step.unique()) == [0, 2, 4, 5]


@pytest.mark.parametrize("model", MODELS)
def test_strength_zero_is_bit_identical_to_no_recommender(graph, innate, model):
    scene = Scene(graph, 0, np.roll(np.arange(N), 1)[:, None].astype(np.int32))
    plain = run_of(scene, innate, model, NONE, Horizon(steps=4))
    for arm in (Random(Random.Config(strength=0)), Recommended(Recommended.Config(strength=0, k=1))):
        np.testing.assert_array_equal(run_of(scene, innate, model, arm, Horizon(steps=4)).opinions, plain.opinions)


@pytest.mark.parametrize("model", MODELS)
def test_small_strength_changes_little_and_full_strength_much(graph, innate, model):
    scene = Scene(graph, 0)
    plain = run_of(scene, innate, model, NONE, Horizon(steps=1)).opinions
    apart = {}
    for strength in (1e-6, 1.0):
        arm = Random(Random.Config(strength=strength))
        apart[strength] = np.abs(run_of(scene, innate, model, arm, Horizon(steps=1)).opinions - plain).max()
    assert 0 < apart[1e-6] < 1e-4
    assert apart[1.0] > 0.1


def test_exposure_is_redrawn_when_it_says(graph, innate):
    class Counted(Random):
        drawn: list[int] = []  # noqa: RUF012 - filled by one test

        def proposals(self, scene, step, opinions):
            self.drawn.append(step)
            return super().proposals(scene, step, opinions)

    run_of(Scene(graph, 0), innate, MODELS[0], Counted(Random.Config(refresh=3)), Horizon(steps=7))
    assert Counted.drawn == [0, 3, 6]


def test_users_who_are_proposed_attract(graph, innate):
    star = np.full((N, 1), 0, np.int32)
    star[0] = -1
    innate = innate.copy()
    innate[0] = 1.0
    scene, model = Scene(graph, 0, star), FriedkinJohnsen(FriedkinJohnsen.Config(susceptibility=0.9))
    means = [
        value(run_of(scene, innate, model, Recommended(Recommended.Config(k=1, strength=s)), Horizon()), 50, "mean")
        for s in (0, 0.3, 0.8)
    ]
    assert means[0] + 0.1 < means[1] < means[2] - 0.1


def test_same_seed_same_rows_and_arms_share_what_the_seed_draws(graph, innate):
    config = SimulationConfig(opinions=["friedkin_johnsen"], arms=["none", "random"], steps=3, noise=0.1, seeds=2)
    society = Society(graph, innate, public=True)
    tables = {(run.arm.label, run.seed): results(config, run, society) for run in runs(config)}
    again = {(run.arm.label, run.seed): results(config, run, society) for run in runs(config)}
    for key, table in tables.items():
        assert table.equals(again[key])
        assert list(table) == ["simulation", "opinion", "arm", "seed", "step", "metric", "value"]
        assert (table.arm == key[0]).all()
        assert (table.seed == key[1]).all()
    starts = {key: table[table.step == 0].value.tolist() for key, table in tables.items()}
    assert starts["none", 0] == starts["random", 0] != starts["none", 1] == starts["random", 1]
    ends = {key: table[table.step == 3].value.tolist() for key, table in tables.items()}
    assert ends["none", 0] != ends["random", 0]


def test_noise_is_normal_keyed_by_user_and_kept_within_bounds():
    zeros = np.zeros((4000, 1), np.float32)
    noisy = innate_opinions(zeros, Horizon(noise=0.1), seed=5)
    assert noisy.dtype == np.float32
    assert noisy.std() == pytest.approx(0.1, rel=0.05)
    np.testing.assert_array_equal(innate_opinions(zeros[:10], Horizon(noise=0.1), seed=5), noisy[:10])
    assert np.abs(innate_opinions(zeros, Horizon(noise=2.0), seed=5)).max() == 1
    assert innate_opinions(zeros, Horizon(), seed=5) is zeros


def bipartite():
    return InteractionGraph.from_edges(np.arange(N), np.zeros(N, int), N, 1)


def spoilt(innate, number):
    innate = innate.copy()
    innate[[3, 5], 1] = number
    return innate


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda graph, innate: (bipartite(), innate), "columns are items"),
        (lambda graph, innate: (graph, innate[:9]), "9 opinions for the 60 users"),
        (lambda graph, innate: (graph, spoilt(innate, np.nan)), "2 users have no opinion"),
        (lambda graph, innate: (graph, spoilt(innate, 1.5)), r"2 users have opinions outside the bounds \[-1, 1\]"),
        (lambda graph, innate: (graph, spoilt(innate, np.inf)), "outside the bounds"),
        (lambda graph, innate: (graph, innate[:, 0]), "shape"),
        (lambda graph, innate: (graph, np.ones((N, 1), int)), "type int64"),
        (lambda graph, innate: (with_weights(graph, -1.0), innate), "negative or not finite"),
        (lambda graph, innate: (with_weights(graph, np.nan), innate), "negative or not finite"),
    ],
)
def test_bad_input_is_refused_before_anything_runs(graph, innate, spoil, message):
    graph, innate = spoil(graph, innate)
    with pytest.raises(InputError, match=message):
        run_of(Scene(graph, 0), innate, MODELS[0], NONE, Horizon())


def with_weights(graph, number):
    weights = np.full(graph.n_edges, number, np.float32)
    return InteractionGraph(graph.indptr, graph.indices, N, social=True, weights=weights)


def test_all_problems_come_at_once(graph, innate):
    model = BoundedConfidence(BoundedConfidence.Config(confidence=9.0))
    with pytest.raises(InputError) as caught:
        run_of(Scene(graph, 0), spoilt(innate, 1.5), model, Recommended(Recommended.Config()), Horizon())
    text = str(caught.value)
    assert len(caught.value.problems) == 3
    assert "confidence" in text
    assert "no recommendation lists" in text
    assert "1.5" not in text
