import numpy as np
import pytest
from contracts.opinion_contract import OpinionContract, sources_of
from opinions.reference_baumann import step
from opinions.societies import complete
from pydantic import ValidationError

from hemicycle.opinions.activity import Meeting, contacts, influences
from hemicycle.opinions.base import People, Sources
from hemicycle.opinions.baumann import Baumann
from hemicycle.opinions.phases import activity_moments, critical_controversialness


class TestPaper(OpinionContract):
    config = Baumann.Config(activity=0.5, contacts=3)
    equivariant = consensus_stays = keeps_hull = isolated_stay = False

    def reference(self, opinions, innate, sources, key):
        return step(self.model(), opinions, sources, key)

    def test_good_opinions_are_no_problem(self, state):
        model = self.model()
        assert model.problems(width=2.0) == []
        assert model.start_problems(state[0], None) == []
        assert [problem.where for problem in model.start_problems(state[0], (-1.0, 1.0))] == ["bounds"]

    def test_agreement_on_nothing_stays(self, state):
        _, sources, _ = state
        np.testing.assert_array_equal(self.walk(np.zeros((30, 2)), sources), np.zeros((30, 2)))


class TestPerUser(TestPaper):
    config = Baumann.Config(
        activity="unit", influence="unit", controversialness={"left": 1.0, "right": 4.0}, homophily="small", contacts=2
    )


class TestTopics(TestPaper):
    config = Baumann.Config(activity=0.6, overlap=0.3, direction="received", method="euler")


class TestMatrix(TestPaper):
    config = Baumann.Config(activity=0.6, overlap=((1.0, -0.4), (-0.4, 1.0)), contacts=4, reciprocity=1.0)
    dims = (2,)


def test_without_contacts_opinions_decay_as_the_integration_says():
    x = np.linspace(-1, 1, 9)[:, None]
    model = Baumann(Baumann.Config(activity=1.0, dt=0.1))
    np.testing.assert_allclose(model.step(x, x, empty(9), 0), x * np.exp(-0.1), atol=1e-7)
    euler = Baumann(Baumann.Config(activity=1.0, dt=0.1, method="euler"))
    np.testing.assert_allclose(euler.step(x, x, empty(9), 0), x * 0.9)


def meeting(n, **options):
    given = {"activity": np.ones(n), "homophily": np.zeros(n), "contacts": 2, "reciprocity": 0.0, "received": False}
    return Meeting(**given | options)


def test_contacts_are_distinct_and_never_oneself():
    dense = np.ones((6, 6))
    active, met = contacts(sources_of(dense), np.zeros((6, 1)), meeting(6, contacts=9), 1)
    np.testing.assert_array_equal(active, np.arange(6))
    for i in range(6):
        assert sorted(met[i]) == [-1] * 4 + [j for j in range(6) if j != i]


def test_contacts_follow_weight_and_distance():
    """One contact of many equal users: weights 1, 1, 4 at distances 1, 2, 2 with beta = 2."""
    n = 40_000
    places = np.array([[0.0]] * n + [[1.0], [2.0], [2.0]])
    rows = np.tile(np.array([n, n + 1, n + 2], np.int32), n)
    sources = Sources(np.arange(n + 1) * 3, rows, np.tile(np.array([1, 1, 4], np.float32), n), places)
    _, met = contacts(sources, places, meeting(n, homophily=np.full(n, 2.0), contacts=1), 3)
    shares = np.bincount(met[:, 0] - n, minlength=3) / n
    np.testing.assert_allclose(shares, np.array([4, 1, 4]) / 9, atol=0.01)


def test_sources_at_the_same_place_are_met_first_and_by_chance_among_them():
    places = np.array([[0.0]] * 40 + [[1e-6]] * 20)
    _, met = contacts(sources_of(np.ones((60, 60))), places, meeting(60, homophily=np.full(60, 3.0), contacts=1), 5)
    assert met[:40].max() < 40 <= met[40:].min()
    assert len(np.unique(met[:40])) > 15


def test_who_is_active_is_drawn_with_their_activity():
    n = 20_000
    activity = np.linspace(0, 1, n)
    active, _ = contacts(empty(n), np.zeros((n, 1)), meeting(n, activity=activity), 2)
    drawn = np.bincount(active * 10 // n, minlength=10) / (n / 10)
    np.testing.assert_allclose(drawn, np.arange(10) / 10 + 0.05, atol=0.04)


def empty(n):
    return Sources(np.zeros(n + 1, np.int64), np.zeros(0, np.int32), None, np.zeros((n, 1)))


@pytest.mark.parametrize("received", [False, True])
def test_contacts_influence_one_way_for_certain_and_back_with_the_reciprocity(received):
    """User 0 meets user 1 and the outlet 2, which nobody influences."""
    sources = sources_of(np.array([[0, 1, 1], [0, 0, 0]]), np.zeros((3, 1)))
    met = (np.array([0]), np.array([[1, 2]]))
    expected = {(False, 0.0): {(1, 0)}, (True, 0.0): {(0, 1), (0, 2)}}
    expected |= {(way, 1.0): {(1, 0), (0, 1), (0, 2)} for way in (False, True)}
    for reciprocity in (0.0, 1.0):
        indptr, indices = influences(sources, met, meeting(2, reciprocity=reciprocity, received=received), 0)
        pairs = {(i, int(j)) for i in range(2) for j in indices[indptr[i] : indptr[i + 1]]}
        assert pairs == expected[received, reciprocity]


def test_two_users_who_meet_each_other_influence_each_other_once():
    sources = sources_of(np.array([[0, 1], [1, 0]]))
    met = (np.array([0, 1]), np.array([[1], [0]]))
    indptr, indices = influences(sources, met, meeting(2, reciprocity=1.0), 0)
    np.testing.assert_array_equal(indptr, [0, 1, 2])
    np.testing.assert_array_equal(indices, [1, 0])


def test_topics_that_point_the_same_way_are_one():
    """With cosine 1 only the sum of topics counts: it moves all topics alike."""
    x = np.array([[0.6, -0.2], [0.1, 0.3]])
    model = Baumann(Baumann.Config(activity=1.0, overlap=1.0, influence=1.0, controversialness=1.0, method="euler"))
    after = model.step(x, x, sources_of(np.array([[0, 1], [1, 0]]), x), 0)
    heard = (after - 0.95 * x) / 0.05
    np.testing.assert_allclose(heard, np.tanh(0.4), atol=1e-12)


@pytest.mark.parametrize("overlap", [1.5, ((1.0, 0.2),), ((1.0, 0.2), (0.3, 1.0)), ((2.0, 0.0), (0.0, 1.0))])
def test_overlaps_that_are_no_cosines_are_refused(overlap):
    with pytest.raises(ValidationError, match="cosines"):
        Baumann.Config(overlap=overlap)


def test_problems_of_the_start():
    three = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    (count,) = Baumann(Baumann.Config(overlap=three)).start_problems(np.zeros((2, 2)), None)
    assert "3 topics, but opinions have 2" in count.what
    (angles,) = Baumann(Baumann.Config(overlap=-0.9)).start_problems(np.zeros((2, 3)), None)
    assert "positive semidefinite" in angles.what
    assert Baumann(Baumann.Config(overlap=-0.9)).start_problems(np.zeros((2, 2)), None) == []


def final(alpha, beta, seed, n=500, time=10.0, **options):
    """Opinions of n users with everyone among everyone, after the given time, as in the paper."""
    config = Baumann.Config(controversialness=alpha, homophily=beta, **options)
    model, sources = Baumann(config).bound(People(n, key=seed, bounds=None)), complete(n)
    x = np.random.default_rng(seed).uniform(-1, 1, (n, 1))
    for step_ in range(round(time / config.dt)):
        x = model.step(x, x, sources.at(x), 1000 * seed + step_)
    return x[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_three_phases_at_the_parameters_of_the_paper(seed):
    neutral, one_sided, polarized = final(0.05, 2.0, seed), final(3.0, 0.0, seed), final(3.0, 3.0, seed)
    assert np.abs(neutral).max() < 0.05
    assert abs(np.sign(one_sided).mean()) > 0.99
    assert np.abs(one_sided).mean() > 1
    assert abs(np.sign(polarized).mean()) < 0.9
    assert np.abs(polarized).mean() > 1


@pytest.mark.slow
def test_small_opinions_grow_above_the_threshold_and_shrink_below_it():
    activity = {"draw": "power_law", "exponent": 2.1, "low": 0.05, "high": 1.0}
    critical = critical_controversialness(3.0, 10, 0.5, activity_moments(2.1, 0.05, 1.0))
    for factor in (0.5, 2.0):
        model = Baumann(Baumann.Config(controversialness=factor * critical, homophily=0.0, activity=activity))
        model, sources, x = model.bound(People(500, key=1, bounds=None)), complete(500), np.full((500, 1), 1e-6)
        for key in range(200):
            x = model.step(x, x, sources.at(x), key)
        assert (np.abs(x).mean() > 1e-6) is np.bool_(factor > 1)
