"""Labels of users, items and pairs: which a probe reads, with which groups, covariates and degrees."""

import numpy as np
import pyarrow as pa
import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset, tag
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.edges import sample_pairs
from hemicycle.studies.entities import degrees_of, kind_read_by, labels_of, pair_targets, table_of, target_of

N = 120


def dataset(*, items=True):
    rng = np.random.default_rng(0)
    users = {"id": [f"u{i}" for i in range(N)], "left": rng.standard_normal(N), "vote": ["yes", "no"] * (N // 2)}
    users["party"] = ["a", "b", "c"] * (N // 3)
    shown = {"id": [f"i{i}" for i in range(40)], "left": rng.standard_normal(40), "topic": ["tax", "war"] * 20}
    shown["length"] = rng.random(40)
    user_table = tag(pa.table(users), {"id": "id", "left": "label", "vote": "label", "party": "group"}, public=True)
    roles = {"id": "id", "left": "label", "topic": "label", "length": "covariate"}
    return Dataset("made", user_table, tag(pa.table(shown), roles, public=True) if items else None)


def graph(*, social=False):
    rng = np.random.default_rng(1)
    users = np.repeat(np.arange(N), 4)
    size = N if social else 40
    other = rng.integers(0, size, len(users))
    return InteractionGraph.from_edges(users, other, N, size, social=social, directed=not social)


def config(probe="ridge", **changes):
    return PROBE.validate({"probe": probe, **changes})


@pytest.mark.parametrize("probe", ["mlp", "knn", "mdl", "ridge"])
def test_the_kind_of_a_probe_is_its_own(probe):
    assert kind_read_by(config(probe)) == "number"
    assert kind_read_by(config("logistic" if probe == "ridge" else f"{probe}_classes")) == "class"


def test_items_have_labels_of_their_own():
    made = dataset()
    ridge, classes = config(entity="item"), config("mlp_classes", entity="item")
    assert labels_of(ridge, table_of(ridge, made)) == ["left"]
    assert labels_of(classes, table_of(classes, made)) == ["topic"]
    target = target_of(made.items, "left", degrees_of("item", graph()), "item")
    assert target.entity == "item"
    assert list(target.covariates) == ["length", "degree"]
    assert target.degree.sum() == graph().n_edges
    with pytest.raises(InputError, match="no items"):
        table_of(ridge, dataset(items=False))


def test_labels_of_pairs_follow_from_those_of_users():
    users = dataset().users
    assert labels_of(config(entity="edge"), users) == ["difference of left"]
    assert labels_of(config("logistic", entity="edge"), users) == ["edge", "same party", "same vote"]
    assert labels_of(config(entity="edge", labels=["difference of x"]), users) == ["difference of x"]


def test_pairs_of_users_have_all_labels_and_pairs_with_items_what_both_have():
    made = dataset()
    for social, wanted in ((True, ["edge", "same party", "same vote"]), (False, ["edge"])):
        train = graph(social=social)
        pairs = sample_pairs(train)
        found = pair_targets(config("logistic", entity="edge"), made, train, pairs)
        assert [target.attribute for target in found] == wanted
        apart = pair_targets(config(entity="edge"), made, train, pairs)
        assert [target.attribute for target in apart] == ["difference of left"]
        left = np.asarray((made.users if social else made.items)["left"])[pairs.second]
        np.testing.assert_allclose(apart[0].values, np.abs(np.asarray(made.users["left"])[pairs.first] - left))
