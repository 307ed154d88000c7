"""What is refused before anything runs: transforms that the data cannot bear, splits without a test."""

import pyarrow as pa
import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.schema import Dataset, Relation, tag
from hemicycle.data.voteview import Voteview
from hemicycle.studies.checks import check
from hemicycle.studies.config import StudyConfig

BASE = {"name": "x", "data": {"source": "voteview"}, "seeds": 1}
MF = {"recommender": {"model": "mf", "dim": 4}}


def study(transform=None, parent="mf", **values):
    members = {"mf": MF, "popularity": {"recommender": "popularity"}}
    members |= {"mmr": {"parent": "mf", "transform": {"transform": "mmr"}}}
    if transform:
        members["better"] = {"parent": parent, "transform": transform}
    return StudyConfig.model_validate({**BASE, "population": members, **values})


@pytest.fixture(scope="module")
def senate():
    return Voteview(Voteview.Config()).read()


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"transform": "mmr", "candidates": 5}, "5 candidates are fewer than the 20 items"),
        ({"transform": "mmr", "side": "faction"}, r"transform\.side.*no group or label 'faction'[\s\S]*party"),
        ({"transform": "direction", "label": "iq"}, r"transform\.label: the users have no label 'iq'"),
        ({"transform": "exposure", "shares": {"Whig": 0.5}}, r"transform\.shares: there is no category 'Whig'"),
    ],
)
def test_a_transform_that_the_data_cannot_bear_is_refused(senate, transform, message):
    with pytest.raises(InputError, match=rf"population\.better\.transform[\s\S]*{message}|{message}"):
        check(study(transform), senate)


@pytest.mark.parametrize("parent", ["popularity", "mmr"])
def test_a_direction_needs_a_parent_with_vectors(senate, parent):
    with pytest.raises(InputError, match=f"{parent!r} scores without vectors\n    -> limit the direction first"):
        check(study({"transform": "direction"}, parent), senate)


@pytest.mark.parametrize("parent", ["popularity", "mmr"])
def test_an_eraser_needs_a_parent_with_vectors(senate, parent):
    with pytest.raises(InputError, match=rf"better\.transform: {parent!r} scores without vectors\n    -> erase first"):
        check(study({"transform": "erase", "labels": ["party"]}, parent), senate)


def test_an_eraser_needs_labels_that_the_data_have(senate):
    with pytest.raises(InputError, match=r"transform\.labels: the users have no label 'iq'"):
        check(study({"transform": "erase", "labels": ["nominate_dim1", "iq"]}), senate)
    check(study({"transform": "erase", "labels": ["nominate_dim1", "party"]}), senate)


def labelled(values, groups=None):
    """Forty people in a ring, with a label and groups."""
    columns, roles = {"id": [f"p{k}" for k in range(40)], "side": pa.array(values)}, {"side": "label"}
    if groups is not None:
        columns["party"], roles["party"] = groups, "group"
    ends = {"user": [*range(40)] * 2, "item": [(k + step) % 40 for step in (1, 2) for k in range(40)]}
    links = pa.table({name: pa.array(rows, pa.int32()) for name, rows in ends.items()})
    return Dataset("ring", tag(pa.table(columns), roles, public=True), None, {"links": Relation(links, social=True)})


@pytest.mark.parametrize(
    ("probe", "data", "message"),
    [
        ("ridge", labelled([float(k % 4) for k in range(40)], [f"P{k % 4}" for k in range(40)]), "'side': 4 groups of"),
        ("logistic", labelled(["a"] * 37 + ["b"] * 3), "'side': the smallest class has 3 labelled rows, fewer than"),
    ],
)
def test_labels_that_folds_cannot_be_cut_from_are_refused(probe, data, message):
    with pytest.raises(InputError, match=rf"probes\.0\.labels: {message}"):
        check(study(probes=[{"probe": probe, "labels": ["side"]}]), data)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"geometry": {"labels": ["nominate_dim1"], "group": "faction"}}, r"geometry\.group: .* 'faction'[\s\S]*party"),
        ({"erasure": {"side": "faction"}}, r"erasure\.side: the users have no group or label 'faction'"),
        (
            {"erasure": {"labels": ["party"], "readers": [{"probe": "ridge"}]}},
            r"erasure\.readers: no reader of classes",
        ),
    ],
)
def test_questions_about_what_the_data_do_not_have_are_refused(senate, asked, message):
    with pytest.raises(InputError, match=message):
        check(study(interpretation=asked), senate)


def test_quotas_that_round_up_beyond_the_list_are_refused(senate):
    shares = {"Democrat": 0.34, "Republican": 0.33, "Independent": 0.33}
    with pytest.raises(InputError, match="need 21 places of a list of 20 items"):
        check(study({"transform": "exposure", "strength": 1, "shares": shares}), senate)


def test_transforms_that_the_data_bear_are_not(senate):
    check(study({"transform": "exposure", "strength": 1}), senate)
    check(study({"transform": "direction", "label": "party"}), senate)


# -- splits and categories of small tables ---------------------------------------------------------------------------


def small(edges, *, times=None, topic=None, **kind):
    columns = {"user": [u for u, _ in edges], "item": [i for _, i in edges]}
    table = {name: pa.array(values, pa.int32()) for name, values in columns.items()}
    table |= {} if times is None else {"time": pa.array(times, pa.float64())}
    users = tag(pa.table({"id": ["a", "b", "c", "d"]}), {}, public=True)
    items = pa.table({"id": ["p", "q", "r", "s"], "topic": topic or ["x"] * 4})
    relations = {"likes": Relation(pa.table(table), **kind)}
    return Dataset("small", users, tag(items, {"topic": "group"} if topic else {}, public=True), relations)


ONE_EACH = [(0, 0), (1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("kind", ["random", "leave_one_out"])
def test_a_split_of_single_edges_has_no_test(kind):
    with pytest.raises(InputError, match=f"split: the {kind} split leaves no edge in test"):
        check(study(split={"kind": kind}), small(ONE_EACH))


def test_a_split_may_go_without_a_test():
    check(study(split={"test": 0}), small(ONE_EACH))
    check(study(), small([*ONE_EACH, (0, 1)]))


def test_an_undirected_edge_is_one_of_either_user():
    star = [(0, 1), (2, 1), (3, 1)]
    check(study(), small(star, social=True, directed=False))
    with pytest.raises(InputError, match="leaves no edge in test"):
        check(study(), small(star, social=True))


def test_cut_times_after_the_last_edge_leave_no_test():
    times = [1.0, 2.0, 3.0, 4.0]
    check(study(split={"kind": "snapshot", "cut_times": [2, 4]}), small(ONE_EACH, times=times))
    with pytest.raises(InputError, match="latest edge is of time 4"):
        check(study(split={"kind": "snapshot", "cut_times": [2, 5]}), small(ONE_EACH, times=times))


def test_a_quota_larger_than_its_category_is_refused():
    data = small([*ONE_EACH, (0, 1)], topic=["x", "y", "y", "y"])
    quota = {"transform": "exposure", "strength": 1, "shares": {"x": 0.5}}
    check(study(quota, k=2), data)
    with pytest.raises(InputError, match="'x' has 1 items and a quota of 2 in every list"):
        check(study(quota, k=4), data)
    with pytest.raises(InputError, match="no group and no numeric label tells"):
        check(study({"transform": "exposure"}, k=4), data)
