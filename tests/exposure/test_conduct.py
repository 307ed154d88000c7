import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from hemicycle.core.seeding import key_of, keyed_uniform
from hemicycle.exposure.base import Scene
from hemicycle.exposure.choice import ChoiceConfig, clicks
from hemicycle.exposure.conduct import Conduct, ConductConfig, exchanged
from hemicycle.exposure.conduct_kernels import ATTEMPTS
from hemicycle.exposure.edge_log import Changes, EdgeLog, applied
from hemicycle.graphs.interaction import InteractionGraph

STEP = 4


def scene_of(n, n_edges, seed=0):
    rng = np.random.default_rng(seed)
    users, sources = rng.integers(n, size=(2, n_edges))
    return Scene(InteractionGraph.from_edges(users, (users + 1 + sources % (n - 1)) % n, n, n, social=True), seed)


class Literal:
    """User by user, as the documentation of the options says."""

    def __init__(self, config, scene, proposals, opinions):
        self.config, self.scene, self.proposals, self.opinions = config, scene, proposals, opinions
        graph = scene.graph
        self.rows = [graph.indices[a:b].tolist() for a, b in zip(graph.indptr, graph.indptr[1:], strict=False)]
        self.dropped, self.added = set(), set()
        for user in range(graph.n_users):
            (self.exchange if config.keep_degree else self.unfollow)(user)
            self.accept(user)

    def drawn(self, what, user, column):
        key = key_of(f"conduct {what}", self.scene.seed, STEP)
        return float(keyed_uniform(key, np.array([user]), np.array([column]))[0, 0])

    def is_far(self, u, v):
        return np.linalg.norm(self.opinions[u] - self.opinions[v]) > self.config.tolerance

    def is_new(self, u, v):
        return 0 <= v < len(self.rows) and v != u and v not in self.rows[u]

    def discordant(self, u):
        return [v for v in self.rows[u] if self.is_far(u, v)]

    def unfollow(self, u):
        self.dropped |= {(u, v) for v in self.discordant(u) if self.drawn("unfollow", u, v) < self.config.unfollow}

    def exchange(self, u):
        discordant = self.discordant(u)
        if discordant and self.drawn("unfollow", u, 0) < self.config.unfollow and (v := self.somebody(u)) >= 0:
            self.added.add((u, v))
            self.dropped.add((u, discordant[int(len(discordant) * self.drawn("unfollow", u, 1))]))

    def somebody(self, u):
        if self.config.follow == "proposed":
            return next((v for v in self.proposals[u] if self.is_new(u, v) and not self.is_far(u, v)), -1)
        find = {"random": self.anyone, "shared": self.shared}[self.config.follow]
        return next((v for v in (find(u, attempt) for attempt in range(ATTEMPTS)) if self.is_new(u, v)), -1)

    def anyone(self, u, attempt):
        return int(len(self.rows) * self.drawn("follow", u, attempt))

    def shared(self, u, attempt):
        friend = self.rows[u][int(len(self.rows[u]) * self.drawn("follow", u, 2 * attempt))]
        if self.is_far(u, friend) or not self.rows[friend]:
            return -1
        found = self.rows[friend][int(len(self.rows[friend]) * self.drawn("follow", u, 2 * attempt + 1))]
        return -1 if self.is_far(u, found) else found

    def accept(self, u):
        for v in self.proposals[u]:
            if not self.is_new(u, v) or (u, v) in self.added or self.drawn("accept", u, v) >= self.chance(u, v):
                continue
            kept = [w for w in self.rows[u] if (u, w) not in self.dropped]
            if self.config.keep_degree and kept:
                self.dropped.add((u, kept[int(len(kept) * self.drawn("exchange", u, v))]))
            if kept or not self.config.keep_degree:
                self.added.add((u, v))

    def chance(self, u, v):
        special = self.is_far(u, v) and self.config.accept_discordant is not None
        return self.config.accept_discordant if special else self.config.accept


CONFIGS = st.builds(
    lambda keep, follow, **options: ConductConfig(keep_degree=keep, follow=follow if keep else "random", **options),
    keep=st.booleans(),
    follow=st.sampled_from(["random", "shared", "proposed"]),
    accept=st.sampled_from([0.0, 0.3, 1.0]),
    accept_discordant=st.sampled_from([None, 0.0, 0.5]),
    unfollow=st.sampled_from([0.0, 0.6, 1.0]),
    tolerance=st.sampled_from([0.0, 0.4, 1.0]),
)


def as_sets(changes):
    return tuple({(int(u), int(v)) for u, v in part} for part in (changes.dropped, changes.added))


@settings(max_examples=60, deadline=None)
@given(CONFIGS, st.integers(0, 50), st.sampled_from([3, 12]))
def test_changes_equal_the_literal_ones(config, seed, n):
    scene, rng = scene_of(n, 3 * n, seed), np.random.default_rng(seed)
    opinions = rng.uniform(-1, 1, (n, 2))
    proposals = rng.integers(-1, n + 2, size=(n, 4)).astype(np.int32)
    changes = Conduct(config).changes(scene, proposals, opinions, STEP)
    literal = Literal(config, scene, proposals, opinions)
    dropped, added = literal.dropped, literal.added
    assert as_sets(changes) == (dropped, added)
    assert len(changes.dropped) == len(dropped)
    assert len(changes.added) == len(added)
    if config.keep_degree:
        np.testing.assert_array_equal(applied(scene.graph, changes).degrees, scene.graph.degrees)


@pytest.fixture
def society():
    scene = scene_of(2000, 20_000)
    rng = np.random.default_rng(1)
    return scene, rng.uniform(-1, 1, (2000, 1)).astype(np.float32), rng.integers(0, 2000, (2000, 5)).astype(np.int32)


@pytest.mark.parametrize("follow", ["random", "shared", "proposed"])
def test_threads_do_not_matter_and_steps_do(society, follow):
    scene, opinions, proposals = society
    conduct = Conduct(ConductConfig(accept=0.2, unfollow=0.3, tolerance=0.5, keep_degree=True, follow=follow))
    found = conduct.changes(scene, proposals, opinions, 0)
    allowed = numba.get_num_threads()
    numba.set_num_threads(1)
    alone = conduct.changes(scene, proposals, opinions, 0)
    numba.set_num_threads(allowed)
    for one, other in zip(found.parts(), alone.parts(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(found.dropped) == len(found.added) > 500
    assert as_sets(conduct.changes(scene, proposals, opinions, 1)) != as_sets(found)


def test_frequencies_are_the_probabilities(society):
    scene, opinions, proposals = society
    config = ConductConfig(accept=0.3, accept_discordant=0.1, unfollow=0.2, tolerance=0.6)
    changes = Conduct(config).changes(scene, proposals, opinions, 0)
    rows, indices = scene.graph.rows(), scene.graph.indices
    discordant = np.abs(opinions[rows, 0] - opinions[indices, 0]) > 0.6
    assert len(changes.dropped) == pytest.approx(0.2 * discordant.sum(), rel=0.1)
    far = np.abs(opinions[changes.added[:, 0], 0] - opinions[changes.added[:, 1], 0]) > 0.6
    offered = np.abs(opinions - opinions[proposals][..., 0]) > 0.6
    assert far.sum() == pytest.approx(0.1 * offered.sum(), rel=0.2)
    assert (~far).sum() == pytest.approx(0.3 * (~offered).sum(), rel=0.1)


def test_draws_belong_to_users_and_sources_not_to_slots(society):
    scene, opinions, proposals = society
    conduct = Conduct(ConductConfig(accept=0.4))
    found = conduct.changes(scene, proposals, opinions, 0)
    assert as_sets(conduct.changes(scene, proposals[:, ::-1].copy(), opinions, 0)) == as_sets(found)


def test_nothing_to_do_is_nothing_done(society):
    scene, opinions, proposals = society
    for config, shown in ((ConductConfig(), proposals), (ConductConfig(accept=1), None)):
        changes = Conduct(config).changes(scene, shown, opinions, 0)
        assert not changes.rewires
        assert applied(scene.graph, changes) is scene.graph


def test_consensus_ends_unfollowing(society):
    scene, opinions, proposals = society
    conduct = Conduct(ConductConfig(unfollow=1, tolerance=0.0))
    assert not conduct.changes(scene, proposals, np.zeros_like(opinions), 0).rewires


def test_users_without_followees_exchange_nobody():
    scene = scene_of(4, 1)
    opinions = np.linspace(-1, 1, 4)[:, None]
    proposals = np.array([[1], [2], [3], [0]], np.int32)
    for follow in ("random", "shared", "proposed"):
        config = ConductConfig(accept=1, unfollow=1, tolerance=0.1, keep_degree=True, follow=follow)
        changes = Conduct(config).changes(scene, proposals, opinions, 0)
        assert set(changes.added[:, 0]) <= set(np.flatnonzero(scene.graph.degrees))


# -- clicks ----------------------------------------------------------------------------------------------------------

CHOICE = ChoiceConfig(appeal=1.0, relevance=0.5, satiation=2.0)


def test_only_what_is_clicked_is_followed(society):
    scene, opinions, proposals = society
    scores = np.random.default_rng(2).normal(size=proposals.shape).astype(np.float32)
    listed = Scene(scene.graph, scene.seed, proposals, scores)
    changes = Conduct(ConductConfig(accept=1, choice=CHOICE)).changes(listed, proposals, opinions, 3)
    key = key_of("conduct clicks", scene.seed, 3)
    wanted = clicks(CHOICE, proposals, scores, opinions, opinions, key)
    np.testing.assert_array_equal(changes.clicked[:, 1], proposals[wanted])
    clicked = {(int(u), int(v)) for u, v in changes.clicked}
    followed = set(zip(scene.graph.rows().tolist(), scene.graph.indices.tolist(), strict=True))
    assert as_sets(changes)[1] == {(u, v) for u, v in clicked - followed if u != v}


def test_what_is_no_list_of_the_model_scores_0(society):
    scene, opinions, proposals = society
    listed = Scene(scene.graph, scene.seed, proposals, np.full(proposals.shape, 9, np.float32))
    conduct = Conduct(ConductConfig(choice=CHOICE))
    others = proposals[::-1].copy()
    found, plain = (conduct.changes(s, others, opinions, 3) for s in (listed, scene))
    np.testing.assert_array_equal(found.clicked, plain.clicked)
    assert len(conduct.changes(listed, proposals, opinions, 3).clicked) > len(found.clicked)


def test_earlier_clicks_satiate(society):
    scene, opinions, proposals = society
    conduct, log = Conduct(ConductConfig(choice=CHOICE)), EdgeLog()
    first = conduct.changes(scene, proposals, opinions, 0, log)
    users = np.repeat(np.arange(len(proposals)), proposals.shape[1])
    everything = np.stack([users, proposals.ravel()], 1).astype(np.int32)
    log.append(0, Changes(clicked=everything))
    sated = conduct.changes(scene, proposals, opinions, 0, log)
    assert len(sated.clicked) < 0.5 * len(first.clicked)


def test_items_are_clicked_and_never_followed(society):
    scene, opinions, proposals = society
    items = np.zeros((7, 1), np.float32)
    of_items = Scene(scene.graph, scene.seed, items=items)
    conduct = Conduct(ConductConfig(accept=1, choice=ChoiceConfig(appeal=3)))
    changes = conduct.changes(of_items, 2000 + proposals % 7, opinions, 0)
    assert not changes.rewires
    assert changes.clicked[:, 1].min() >= 2000
    assert len(changes.clicked) > 2000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unfollow": 0.1}, "give a 'tolerance'"),
        ({"follow": "shared"}, "goes with keep_degree: true"),
        ({"accept": 1.5}, "less than or equal to 1"),
        ({"tolerance": -1}, "greater than or equal to 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(options, message):
    with pytest.raises(ValidationError, match=message):
        ConductConfig(**options)


# -- ties that hold both ways ------------------------------------------------------------------------------------------


def mutual_scene(n=40, seed=0):
    users, sources = np.nonzero(np.triu(np.random.default_rng(seed).random((n, n)) < 0.2, 1))
    return Scene(InteractionGraph.from_edges(users, sources, n, n, social=True, directed=False), seed)


def test_mutual_ties_are_exchanged_one_for_one():
    scene, opinions = mutual_scene(), np.zeros((40, 1), np.float32)
    conduct, n_edges = Conduct(ConductConfig(accept=1, keep_degree=True)), scene.graph.n_edges
    partners = (np.arange(40)[:, None] ^ 1).astype(np.int32)  # both ends of a tie propose each other
    changes = conduct.changes(scene, partners, opinions, STEP)
    graph = applied(scene.graph, changes)
    assert len(changes.added) == len(changes.dropped) > 0
    assert graph.n_edges == n_edges
    matrix = graph.to_scipy().toarray()
    np.testing.assert_array_equal(matrix, matrix.T)


def test_ties_are_counted_once_and_drawn_by_themselves():
    ended = np.array([[0, 1], [1, 0], [2, 3], [5, 4]], np.int32)
    begun = np.array([[6, 0], [0, 6]], np.int32)
    kept, taken = exchanged(ended, begun, 7, key=3)
    assert taken.tolist() == [[0, 6]]
    assert len(kept) == 1
    again, _ = exchanged(ended[::-1], begun, 7, key=3)
    np.testing.assert_array_equal(kept, again)
    drawn = {tuple(exchanged(ended, begun, 7, key)[0][0]) for key in range(60)}
    assert drawn == {(0, 1), (2, 3), (4, 5)}
