"""Members of a stack end as their own fits would."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.graphs.interaction import InteractionGraph
from hemicycle.graphs.splits import SplitConfig, split
from hemicycle.recommenders.catalogue import RECOMMENDER
from hemicycle.recommenders.divergence import DivergenceError
from hemicycle.training.checkpoints import Checkpoints
from hemicycle.training.fit import fit
from hemicycle.training.group import Group
from hemicycle.training.options import TrainingOptions
from hemicycle.training.stack import Member, Stack, fit_stacked
from hemicycle.training.stackable import stack_key, stackable

OPTIONS = TrainingOptions(epochs=6, batch=250, validate_every=2, resume_every=2, warmup=2, dtype="float64")
VARIED = [
    {},
    {"temperature": 0.3, "popularity": 0.5},
    {"similarity": "dot", "init_scale": 0.3},
    {"start": "svd", "temperature": 0.01},
]
TRAINED = [{}, {"lr": 0.1, "schedule": "linear"}, {"l2": 0, "warmup": 0}, {"l2": 0.1, "schedule": "constant"}]
GIVEN = {
    "full softmax": {},
    "few negatives": {"negatives": 20},
    "uniform negatives": {"negatives": 20, "negatives_by": "uniform"},
    "bpr": {"loss": "bpr"},
    "bpr, several rivals": {"loss": "bpr", "negatives": 3},
}


@pytest.fixture(scope="module")
def parts():
    """Two parties of 30, each of which takes its own half of 60 items; one user takes nearly everything."""
    rng = np.random.default_rng(0)
    users = rng.integers(60, size=1500)
    items = rng.integers(30, size=1500) + 30 * (users >= 30)
    users, items = np.append(users, np.zeros(58, int)), np.append(items, np.arange(58))
    return split(InteractionGraph.from_edges(users, items, 60, 60), SplitConfig())


@pytest.fixture(scope="module")
def social():
    rng = np.random.default_rng(1)
    ends = rng.integers(40, size=(2, 500))
    return split(InteractionGraph.from_edges(*ends[:, ends[0] != ends[1]], 40, 40, social=True), SplitConfig())


@pytest.fixture(scope="module")
def wide():
    """So many items that no step scores them all."""
    rng = np.random.default_rng(2)
    users, items = rng.integers(400, size=1500), rng.integers(1500, size=1500)
    return split(InteractionGraph.from_edges(users, items, 400, 1500), SplitConfig())


def member(out, seed=0, model=None, train=None, name="mf"):
    config = {"model": name, "dim": 4} | ({"layers": 2} if name == "lightgcn" else {}) | (model or {})
    recommender = RECOMMENDER.build(RECOMMENDER.validate(config))
    return Member(recommender, OPTIONS.replace(**(train or {})), seed, Folder.at(out))


def members(out, name="mf", **train):
    given = enumerate(zip(VARIED, TRAINED, strict=True))
    return [member(out / str(n), n, model, train | own, name) for n, (model, own) in given]


def alone(each, split, out):
    result = fit(each.recommender, split, each.options, each.seed, Folder.at(out))
    return result, everything(Folder.at(out))


def everything(folder):
    found = Checkpoints(folder)
    tables = {(epoch, name): array for epoch in found.epochs for name, array in found.load(epoch).items()}
    return tables, found.history, (found.best_epoch, found.identity, folder.names())


def assert_close(one, other, rtol):
    assert one[2] == other[2]
    assert one[0].keys() == other[0].keys()
    for key, array in one[0].items():
        scale = np.abs(other[0][key]).max()
        np.testing.assert_allclose(array, other[0][key], rtol=rtol, atol=rtol * scale)
    for mine, row in zip(one[1], other[1], strict=True):
        assert mine == pytest.approx(row, rel=rtol)


def assert_as_alone(stack, split, tmp_path, rtol=1e-9):
    results = fit_stacked(stack, split)
    for n, (each, result) in enumerate(zip(stack, results, strict=True)):
        single, wanted = alone(each, split, tmp_path / f"alone{n}")
        assert_close(everything(each.out), wanted, rtol)
        assert (result.best_epoch, result.epochs) == (single.best_epoch, single.epochs)


@pytest.mark.parametrize("name", ["mf", "lightgcn"])
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_members_end_as_they_would_alone(parts, tmp_path, name, given):
    assert_as_alone(members(tmp_path, name, **given), parts, tmp_path)


@pytest.mark.parametrize("name", ["mf", "lightgcn"])
@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN.keys())
def test_so_they_do_where_pairs_are_compared_one_by_one(wide, tmp_path, name, given):
    stack = members(tmp_path, name, epochs=2, **given)
    assert Stack(stack, wide.train).dense == (given == {})
    assert_as_alone(stack, wide, tmp_path)


@pytest.mark.parametrize("given", [{}, {"loss": "bpr"}, {"negatives": 8}], ids=str)
def test_users_may_be_the_items(social, tmp_path, given):
    assert_as_alone(members(tmp_path, "lightgcn", epochs=3, **given), social, tmp_path)


def test_single_precision_agrees_up_to_rounding(parts, tmp_path):
    stack = members(tmp_path, "lightgcn", dtype="float32", epochs=20)
    for n, (each, result) in enumerate(zip(stack, fit_stacked(stack, parts), strict=True)):
        single, _ = alone(each, parts, tmp_path / f"alone{n}")
        for mine, row in zip(result.history, single.history, strict=True):
            assert mine == pytest.approx(row, abs=2e-3)


def test_a_member_does_not_depend_on_the_others(parts, tmp_path):
    many, few = (members(tmp_path / name, "lightgcn", dtype="float32") for name in ("many", "few"))
    fit_stacked(many, parts)
    fit_stacked(few[1:3], parts)
    for one, other in zip(many[1:3], few[1:3], strict=True):
        assert_close(everything(one.out), everything(other.out), 1e-5)


def test_the_same_stack_gives_the_same_bits(parts, tmp_path):
    first, again = (members(tmp_path / name, "lightgcn", dtype="float32") for name in ("first", "again"))
    fit_stacked(first, parts)
    fit_stacked(again, parts)
    for one, other in zip(first, again, strict=True):
        assert_identical(one.out, other.out)


def assert_identical(one, other):
    (tables, history, rest), (wanted, *others) = everything(one), everything(other)
    assert [history, rest] == others
    for key, array in tables.items():
        np.testing.assert_array_equal(array, wanted[key])


def test_a_step_takes_no_more_members_than_the_cache(parts, tmp_path):
    stack, small = (Stack(members(tmp_path, "lightgcn"), parts.train) for _ in range(2))
    assert stack.width >= 4
    small.width = 2
    for one in (stack, small):
        one.epoch(range(4), 1)
    for one, other in zip(stack.learners, small.learners, strict=True):
        np.testing.assert_allclose(one.state()["table"], other.state()["table"], rtol=1e-12)


# -- who leaves and who comes back -----------------------------------------------------------------------------------


def test_patience_ends_one_member_while_the_others_go_on(parts, tmp_path):
    common = {"epochs": 40, "validate_every": 1, "patience": 3, "schedule": "constant"}
    rates = [0.2, 1e-9, 0.01]
    stack = [member(tmp_path / str(n), n, train=common | {"lr": lr}) for n, lr in enumerate(rates)]
    lengths = [len(result.history) for result in fit_stacked(stack, parts)]
    assert lengths[1] == min(lengths) < max(lengths)
    assert lengths == [len(alone(each, parts, tmp_path / f"a{n}")[0].history) for n, each in enumerate(stack)]


def test_max_steps_ends_in_the_middle_of_an_epoch(parts, tmp_path):
    assert_as_alone(members(tmp_path, max_steps=7), parts, tmp_path)


class InterruptedFitError(Exception):
    pass


@pytest.mark.parametrize("at", [(0, 1), (0, 3), (2, 4), (3, 5), (1, 6)])
def test_an_interrupted_stack_ends_as_an_undisturbed_one(parts, tmp_path, at):
    whole, broken = (members(tmp_path / name, "lightgcn") for name in ("whole", "broken"))

    def interrupt(n, row):
        if (n, row["epoch"]) == at:
            raise InterruptedFitError

    fit_stacked(whole, parts)
    with pytest.raises(InterruptedFitError):
        fit_stacked(broken, parts, report=interrupt)
    seen = []
    fit_stacked(broken, parts, report=lambda n, row: seen.append(row["epoch"]))
    assert min(seen) == {1: 0, 3: 3, 4: 3, 5: 5, 6: 5}[at[1]]
    for one, other in zip(whole, broken, strict=True):
        assert_close(everything(one.out), everything(other.out), 1e-9)


def test_a_finished_stack_is_not_repeated(parts, tmp_path):
    stack = members(tmp_path)
    first, seen = fit_stacked(stack, parts), []
    assert fit_stacked(stack, parts, report=lambda *row: seen.append(row)) == first
    assert not seen


def test_a_member_that_diverges_leaves_the_others_alone(parts, tmp_path):
    stack = [member(tmp_path / "a", 0), member(tmp_path / "b", 1, {"similarity": "dot"}, {"lr": 1e300})]
    found = fit_stacked(stack, parts)
    assert isinstance(found[1], DivergenceError)
    assert_close(everything(stack[0].out), alone(stack[0], parts, tmp_path / "alone")[1], 1e-9)


# -- what can be stacked ---------------------------------------------------------------------------------------------


def test_what_may_differ_may_differ(tmp_path):
    stack = members(tmp_path)
    assert stackable([m.recommender for m in stack], [m.options for m in stack]) == []


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"model": {"dim": 8}}, r"member 1: differs .* in dim"),
        ({"train": {"batch": 7, "epochs": 3}}, r"in train.batch, train.epochs"),
        ({"name": "lightgcn"}, "in class"),
        ({"name": "popularity", "model": {}}, "Popularity is not trained as one table"),
        ({"name": "xsimgcl"}, "XSimGCL adds terms of its own"),
    ],
)
def test_what_cannot_be_stacked_is_told(tmp_path, other, message):
    name = other.get("name", "mf")
    config = {"model": name} | ({} if name == "popularity" else {"dim": 4}) | other.get("model", {})
    recommender = RECOMMENDER.build(RECOMMENDER.validate(config))
    stack, train = members(tmp_path)[0], OPTIONS.replace(**other.get("train", {}))
    with pytest.raises(InputError, match=message):
        fit_stacked([stack, Member(recommender, train, 0, Folder.at(tmp_path / "other"))], None)


def test_one_worker_and_a_folder_each(tmp_path):
    stack = members(tmp_path)
    with pytest.raises(InputError, match="one worker, not 2"):
        fit_stacked(stack, None, Group(world_size=2))
    with pytest.raises(InputError, match="share a folder"):
        fit_stacked([stack[0], stack[0]], None)
    with pytest.raises(InputError, match="at least one member"):
        fit_stacked([], None)


def test_the_key_is_what_members_share(tmp_path):
    keys = [stack_key(m.recommender, m.options) for m in members(tmp_path)]
    assert all(key == keys[0] for key in keys)
    popular = RECOMMENDER.build(RECOMMENDER.validate("popularity"))
    assert stack_key(popular, OPTIONS) is None
