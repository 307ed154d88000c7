"""Which members a design asks for, and what is wrong with a bad one."""

from collections import Counter
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hemicycle.search import designs
from hemicycle.search.designs import DesignConfig, cells, levels, members

FACTORS = {"recommender.model": ["mf", "lightgcn"], "recommender.dim": [8, 16, 32], "train.l2": [0.0, 0.01]}
NESTED = {"recommender.layers": {"recommender.model": ["lightgcn"]}}


def design(**changes):
    return DesignConfig.model_validate({"factors": FACTORS, **changes})


def factors(count, n_levels):
    names = ("dim", "a", "b", "c", "d")
    return {f"recommender.{name}": list(range(n_levels)) for name in names[:count]}


def test_every_combination_is_a_member_in_a_stable_order():
    found = members("grid", design(recommender={"loss": {"kind": "x"}}, train={"epochs": 3}, seeds=[1, 5]))
    assert list(found)[:2] == ["grid-001", "grid-002"]
    assert len(found) == 12
    assert found["grid-002"] == {
        "recommender": {"loss": {"kind": "x"}, "model": "mf", "dim": 8},
        "train": {"epochs": 3, "l2": 0.01},
        "seeds": [1, 5],
    }
    shown = {(m["recommender"]["model"], m["recommender"]["dim"], m["train"]["l2"]) for m in found.values()}
    assert shown == set(product(*FACTORS.values()))


def test_members_share_no_mappings():
    made = members(
        "grid", design(recommender={"nested": {"a": 1}}, factors={**FACTORS, "recommender.nested.b": [1, 2]})
    )
    assert made["grid-001"]["recommender"]["nested"] == {"a": 1, "b": 1}
    assert made["grid-002"]["recommender"]["nested"] == {"a": 1, "b": 2}


def test_a_conditional_factor_is_left_out_where_it_does_not_exist():
    made = design(factors={"recommender.layers": [1, 2, 3], **FACTORS}, only=NESTED)
    found = members("grid", made)
    depth = Counter((m["recommender"]["model"], m["recommender"].get("layers")) for m in found.values())
    assert depth == {("mf", None): 6, ("lightgcn", 1): 6, ("lightgcn", 2): 6, ("lightgcn", 3): 6}
    table = levels("grid", made)
    assert set(
        table[table["factor"] == "recommender.layers"]["member"].map(lambda m: found[m]["recommender"]["model"])
    ) == {"lightgcn"}


def test_conditions_may_depend_on_conditional_factors():
    only = {**NESTED, "train.loss": {"recommender.layers": 2}}
    added = {"train.loss": ["bpr", "softmax"], "recommender.layers": [1, 2], "recommender.model": ["mf", "lightgcn"]}
    found = cells(design(factors=added, only=only))
    assert [len(cell) for cell in found] == [1, 2, 3, 3]


def test_levels_are_text_with_their_place():
    table = levels("grid", design(factors={"recommender.model": ["mf", "lightgcn"], "train.negatives": [None, 5]}))
    assert list(table.columns) == designs.LEVEL_COLUMNS
    assert table["level"].tolist() == ["mf", "null", "mf", "5", "lightgcn", "null", "lightgcn", "5"]
    assert table["place"].tolist() == [0, 0, 0, 1, 1, 0, 1, 1]


@given(count=st.integers(3, 5), n_levels=st.sampled_from([2, 3]))
def test_a_fraction_keeps_every_pair_of_levels_equally_often(count, n_levels):
    """Literal check against the definition, and that pairs of factors stay orthogonal."""
    made = design(recommender={"model": "mf"}, factors=factors(count, n_levels), fraction=n_levels)
    found = [tuple(cell.values()) for cell in cells(made)]
    assert found == [cell for cell in product(range(n_levels), repeat=count) if sum(cell) % n_levels == 0]
    for one, other in combinations(range(count), 2):
        pairs = Counter((cell[one], cell[other]) for cell in found)
        assert len(pairs) == n_levels**2
        assert len(set(pairs.values())) == 1


BAD = {
    "unknown part": ({"factors": {"model.dim": [8, 16]}}, "begins with neither 'recommender.' nor 'train.'"),
    "one level": ({"factors": {**FACTORS, "recommender.dim": [8]}}, "2 to 50 levels, not 1"),
    "51 levels": ({"factors": {**FACTORS, "recommender.dim": list(range(51))}}, "2 to 50 levels, not 51"),
    "twice the same": ({"factors": {**FACTORS, "recommender.dim": [8, 8.0]}}, "not all different: 8, 8"),
    "no model": ({"factors": {"recommender.dim": [8, 16]}}, "no member has a model"),
    "no mapping": ({"recommender": "mf"}, "recommender is a mapping"),
    "misspelt option": ({"factors": {**FACTORS, "train.los": ["bpr", "softmax"]}}, "did you mean 'loss'"),
    "misspelt fixed option": ({"train": {"epoch": 3}}, "did you mean 'epochs'"),
    "fixed and varied": ({"recommender": {"dim": 4}}, "recommender.dim is fixed and a factor"),
    "unknown factor": ({"only": NESTED}, "only.recommender.layers: recommender.layers is no factor"),
    "unknown level": ({"only": {"train.l2": {"recommender.dim": [9]}}}, "recommender.dim has no level 9"),
    "no condition": ({"only": {"train.l2": {}}}, "only.train.l2 has no condition"),
    "circle": (
        {"only": {"train.l2": {"recommender.dim": [8]}, "recommender.dim": {"train.l2": [0.0]}}},
        "depend on each other in a circle",
    ),
    "never holds": (
        {
            "factors": {**FACTORS, "recommender.layers": [1, 2], "recommender.a": [1, 2]},
            "only": {**NESTED, "recommender.a": {"recommender.layers": 1, "recommender.model": "mf"}},
        },
        "recommender.a: its condition under 'only' never holds",
    ),
    "too many": ({"factors": {"recommender.model": ["mf", "ease"], **factors(4, 10)}}, "more than 10,000 cells"),
    "uneven fraction": ({"fraction": 2}, "fraction 2 keeps"),
    "confounded": (
        {"factors": {"recommender.model": ["mf", "ease"], "train.l2": [0, 1]}, "fraction": 2},
        "equally often",
    ),
    "no seeds": ({"seeds": []}, "seeds are a count"),
    "the same seed": ({"seeds": [1, 1]}, "seeds are a count"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_designs_say_what_is_wrong(case):
    changes, message = BAD[case]
    with pytest.raises(ValidationError) as caught:
        design(**changes)
    assert message in str(caught.value)


def test_all_problems_are_told_at_once():
    with pytest.raises(ValidationError) as caught:
        design(factors={"x.dim": [8, 16], "recommender.dim": [8]}, seeds=0)
    assert str(caught.value).count(";") >= 3
