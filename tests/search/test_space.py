import re

import pytest

from hemicycle.core.errors import InputError
from hemicycle.recommenders.catalogue import RECOMMENDERS
from hemicycle.search.config import SearchConfig
from hemicycle.search.space import Space
from hemicycle.training.options import TrainingOptions

MF = {"recommender": {"model": "mf", "dim": 8}}
LIGHTGCN = {"recommender": {"model": "lightgcn", "dim": 8}, "train": {"batch": 64}}
LR = {"low": 0.001, "high": 0.1, "log": True}


def search(**changes):
    return SearchConfig.model_validate({"branches": {"mf": MF}, **changes})


def problems(config, train=None):
    with pytest.raises(InputError) as caught:
        Space.of(config, train or {})
    return {problem.where: f"{problem.what} -> {problem.remedy}" for problem in caught.value.problems}


def one(config, where, pattern, train=None):
    found = problems(config, train)
    assert list(found) == [where]
    assert re.search(pattern, found[where]), found[where]


# -- what is right ----------------------------------------------------------------------------------------------------


def test_values_become_the_model_and_its_training():
    config = search(
        branches={"mf": MF, "lightgcn": LIGHTGCN | {"space": {"recommender.layers": {"choice": [1, 2]}}}},
        space={"train.lr": LR, "recommender.dim": {"low": 4, "high": 64, "integer": True}},
    )
    space = Space.of(config, {"epochs": 7})
    recommender, train = space.settle("lightgcn", {"recommender.layers": 2, "train.lr": 0.01, "recommender.dim": 16})
    assert (recommender.model, recommender.layers, recommender.dim) == ("lightgcn", 2, 16)
    assert train == TrainingOptions(epochs=7, lr=0.01, batch=64)
    assert space.settle("mf", {})[0].dim == 8
    assert space.settle("mf", {})[1] == TrainingOptions(epochs=7)


def test_training_may_be_given_as_options():
    assert Space.of(search(), TrainingOptions(epochs=3)).settle("mf", {})[1].epochs == 3


def conditional():
    return search(
        space={
            "train.negatives": {"low": 1, "high": 64, "integer": True, "when": {"train.loss": "softmax"}},
            "train.negatives_by": {
                "choice": ["uniform", "popularity"],
                "when": {"train.loss": ["softmax"], "train.negatives": [1, 2]},
            },
            "train.loss": {"choice": ["bpr", "softmax"]},
        }
    )


def test_a_condition_comes_before_what_it_governs():
    space = Space.of(conditional(), {})
    assert list(space.dimensions("mf")) == ["train.loss", "train.negatives", "train.negatives_by"]


def test_a_dimension_exists_only_if_what_governs_it_does():
    space = Space.of(conditional(), {})
    assert space.active("mf", {"train.loss": "bpr"}) == ("train.loss",)
    assert space.active("mf", {"train.loss": "softmax", "train.negatives": 3}) == ("train.loss", "train.negatives")
    assert len(space.active("mf", {"train.loss": "softmax", "train.negatives": 2})) == 3
    assert space.active("mf", {"train.loss": "bpr", "train.negatives": 2}) == ("train.loss",)


def test_labels_name_the_branch_only_where_they_must():
    own = {"recommender.dim": {"choice": [4, 8]}}
    other = {"recommender.dim": {"choice": [4, 16]}}
    two = {"a": MF | {"space": own}, "b": MF | {"space": other}, "c": MF}
    space = Space.of(search(branches=two, space={"train.lr": LR}), {})
    assert set(space.labelled()) == {"branch", "train.lr", "a/recommender.dim", "b/recommender.dim"}
    assert space.plain_label("a", "recommender.dim") == "a/recommender.dim"
    alike = Space.of(search(branches={"a": MF | {"space": own}, "b": MF | {"space": own}}), {})
    assert alike.label("a", "recommender.dim") == "a/recommender.dim"
    assert alike.plain_label("a", "recommender.dim") == "recommender.dim"
    assert set(Space.of(search(space=own), {}).labelled()) == {"recommender.dim"}


def test_settling_what_the_model_does_not_allow_is_an_input_error():
    space = Space.of(search(space={"recommender.dim": {"choice": [4, 8]}}), {})
    with pytest.raises(InputError, match=r"no branch 'ease'"):
        space.settle("ease", {})
    with pytest.raises(InputError, match=r"no dimensions train\.lr"):
        space.settle("mf", {"train.lr": 0.1})
    with pytest.raises(InputError, match=r"greater than or equal to 1"):
        space.settle("mf", {"recommender.dim": 0})


@pytest.mark.parametrize("name", sorted(RECOMMENDERS))
def test_every_recommender_can_be_a_branch(name):
    config = search(branches={"it": {"recommender": {"model": name}}})
    assert Space.of(config, {}).settle("it", {})[0] == config.branches["it"].recommender


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("dim", r"nothing that can be searched -> name recommender\.X or train\.X"),
        ("model.dim", "nothing that can be searched"),
        ("recommender", "nothing that can be searched"),
        ("recommender.dims", r"no 'dims'; did you mean 'dim'\?.*recommender of mf"),
        ("recommender.zzz", r"no 'zzz'; there are: dim, init_scale"),
        ("recommender.dim.x", "no 'x'; nothing lies below it"),
        ("train.learning_rate", r"no 'learning_rate'.*\(the training\)"),
        ("recommender.model", "declare a branch for each model"),
    ],
)
def test_keys_are_settings(key, pattern):
    one(search(space={key: LR}), f"space.{key}", pattern)
    one(search(branches={"mf": MF | {"space": {key: LR}}}), f"branches.mf.space.{key}", pattern)


def test_a_shared_dimension_is_a_setting_of_every_branch():
    config = search(branches={"mf": MF, "lightgcn": LIGHTGCN}, space={"recommender.layers": {"choice": [1, 2]}})
    one(config, "space.recommender.layers", "no 'layers'.*recommender of mf.*only in branches that have it")


def test_a_key_is_shared_or_a_branchs_own():
    config = search(branches={"mf": MF | {"space": {"train.lr": LR}}}, space={"train.lr": LR})
    one(config, "branches.mf.space.train.lr", "take it out of one of the two")


def test_closed_forms_are_not_trained():
    branches = {"mf": MF, "ease": {"recommender": {"model": "ease"}}}
    one(search(branches=branches, space={"train.lr": LR}), "space.train.lr", "ease is solved in closed form")


def test_halving_decides_the_epochs():
    space = {"train.epochs": {"low": 5, "high": 9, "integer": True}}
    one(search(space=space, halving={}), "space.train.epochs", "halving decides")
    assert Space.of(search(space=space), {})


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "dimension", "pattern"),
    [
        ("recommender.dim", {"choice": [8, 0]}, r"does not take 0: .*equal to 1.*-> correct it; dim: Columns of the"),
        ("recommender.dim", {"low": 0, "high": 8, "integer": True}, "does not take 0"),
        ("recommender.dim", {"low": 4, "high": 8}, "holds integers, and this range does not -> add integer: true"),
        ("recommender.dim", {"low": 4, "high": 8, "step": 2}, "add integer: true"),
        ("recommender.dim", {"low": 4.5, "high": 8}, "valid integer"),
        ("recommender.similarity", {"choice": ["dot", "cosin"]}, "'cosin'.*'dot' or 'cosine'"),
        ("recommender.similarity", {"low": 0, "high": 1}, "'dot' or 'cosine'"),
        ("train.lr", {"low": 0, "high": 1}, "greater than 0"),
        ("train.keep", {"choice": ["all", "some"]}, "keep is 'all', 'labelled' or 'sample:N', not 'some'"),
    ],
)
def test_values_are_accepted_by_the_model(key, dimension, pattern):
    one(search(space={key: dimension}), f"space.{key}", pattern)


def test_a_range_is_no_truth_value():
    branches = {"g": {"recommender": {"model": "graphsage"}}}
    config = search(branches=branches, space={"recommender.autocast": {"low": 0, "high": 1}})
    one(config, "space.recommender.autocast", r"give choice: \[false, true\]")


def test_values_are_judged_by_the_branchs_own_settings():
    readout = {"recommender": {"model": "lightgcn", "readout": [1, 2, 3]}}
    config = search(branches={"g": readout}, space={"recommender.layers": {"low": 2, "high": 4, "integer": True}})
    one(config, "space.recommender.layers", "g does not take 2: .*distinct layers from 0 to 2")


def test_combinations_of_two_values_are_tried():
    space = {"train.loss": {"choice": ["softmax", "bpr"]}, "train.exchange": {"choice": ["auto", "mixed"]}}
    one(search(space=space), "space.train.exchange", "'mixed' with train.loss = 'bpr': .*needs negatives.*'when'")
    space["train.exchange"]["when"] = {"train.loss": "softmax"}
    assert Space.of(search(space=space), {})


def test_conditional_values_are_tried_where_they_exist():
    space = {
        "train.loss": {"choice": ["bpr", "softmax"]},
        "train.exchange": {"choice": ["mixed"], "when": {"train.loss": "softmax"}},
    }
    assert Space.of(search(space=space), {"loss": "bpr"})
    space["train.exchange"]["when"] = {"train.loss": ["softmax", "bpr"]}
    one(search(space=space), "space.train.exchange", "needs negatives", {"loss": "softmax"})


def test_training_options_are_checked_first():
    one(search(), "train.epochs", "greater than or equal to 0", {"epochs": -1})
    branches = {"mf": MF | {"train": {"lr": -1}}, "other": MF}
    one(search(branches=branches), "branches.mf.train.lr", "greater than 0")


# -- conditions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "pattern"),
    [
        ({"train.l2": 1}, r"no dimension 'train\.l2' -> name another dimension of mf: train\.loss"),
        ({"branch": "mf"}, "in the space of that branch"),
        ({"train.lr": 0.01}, r"no dimension 'train\.lr'"),
        ({"train.loss": "hinge"}, r"train\.loss is never 'hinge' -> it is one of 'bpr', 'softmax'"),
        ({"train.loss": []}, "no value of train.loss is named"),
    ],
)
def test_conditions_can_be_met(when, pattern):
    space = {"train.lr": LR | {"when": when}, "train.loss": {"choice": ["bpr", "softmax"]}}
    one(search(space=space), "space.train.lr.when", pattern)


def test_conditions_do_not_go_in_circles():
    space = {
        "train.lr": LR | {"when": {"train.l2": 0.5}},
        "train.l2": {"low": 0, "high": 1, "when": {"train.lr": 0.01}},
    }
    found = problems(search(space=space))
    assert found.keys() == {"space.train.lr.when", "space.train.l2.when"}
    assert all("circle" in text for text in found.values())


def test_a_shared_condition_must_exist_in_every_branch():
    own = {"train.loss": {"choice": ["bpr", "softmax"]}}
    branches = {"a": MF | {"space": own}, "b": MF}
    one(
        search(branches=branches, space={"train.lr": LR | {"when": {"train.loss": "bpr"}}}),
        "space.train.lr.when",
        "of b",
    )


# -- algorithms, starting points, all at once -------------------------------------------------------------------------


def test_a_grid_is_finite_and_not_huge():
    one(search(space={"train.lr": LR}, algorithm="grid"), "space.train.lr", "give choice, integer or step")
    space = {
        "train.batch": {"low": 1, "high": 1000, "integer": True},
        "train.warmup": {"low": 0, "high": 999, "integer": True},
    }
    one(search(space=space, algorithm="grid"), "algorithm", "more than 100,000 points")


@pytest.mark.parametrize(
    ("point", "where", "pattern"),
    [
        ({"train.lr": 0.01}, "start.0.branch", "names no branch -> name one of a, b"),
        ({"branch": "c"}, "start.0.branch", "no branch 'c'"),
        (
            {"branch": "a", "train.lr": 0.2},
            "start.0.train.lr",
            r"0\.2 lies outside the space -> it is from 0\.001 to 0\.1",
        ),
        ({"branch": "a", "train.lr": True}, "start.0.train.lr", "outside"),
        ({"branch": "b", "train.lr": 0.01}, "start.0.train.lr", "b has no dimension .*: recommender.dim"),
        ({"branch": "b", "recommender.dim": 5}, "start.0.recommender.dim", "an integer from 4 to 8 in steps of 2"),
        ({"branch": "b", "recommender.dim": 4.5}, "start.0.recommender.dim", "outside"),
        ({"branch": "a", "train.l2": 0.5, "recommender.dim": 4}, "start.0.train.l2", "name what governs it: .*dim in"),
        ({"branch": "a", "train.l2": 0.5}, "start.0.train.l2", "does not exist at this point"),
    ],
)
def test_starting_points_lie_in_the_space(point, where, pattern):
    a = MF | {"space": {"train.lr": LR, "train.l2": {"low": 0, "high": 1, "when": {"recommender.dim": 8}}}}
    dim = {"recommender.dim": {"low": 4, "high": 8, "integer": True, "step": 2}}
    one(search(branches={"a": a, "b": MF}, space=dim, start=[point]), where, pattern)


def test_a_starting_point_may_leave_out_the_only_branch():
    space = Space.of(search(space={"train.lr": LR}, start=[{"train.lr": 0.1}]), {})
    assert space.label("mf", "train.lr") == "train.lr"


def test_all_problems_come_at_once():
    branches = {
        "mf": MF | {"space": {"recommender.dims": LR}},
        "lightgcn": LIGHTGCN | {"space": {"recommender.layers": {"choice": [1, 99]}}},
    }
    found = problems(search(branches=branches, space={"lr": LR, "train.lr": {"low": 0, "high": 1}}))
    assert {"branches.mf.space.recommender.dims", "space.lr"} <= found.keys()


def test_a_choice_holds_different_values():
    for values in ([1, True], [1, 1.0], ["a", "a"], []):
        with pytest.raises(ValueError, match="different values"):
            search(space={"recommender.dim": {"choice": values}})
