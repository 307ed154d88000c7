from typing import Annotated

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from scipy import stats

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.opinions.base import OpinionConfig, OpinionModel, People
from hemicycle.opinions.parameters import Limits, PerUser, greatest

PEOPLE = People(
    6,
    key=11,
    groups=np.array(["left", "left", "right", "right", "centre", "centre"]),
    columns={"age": np.linspace(0.1, 0.6, 6), "gap": np.array([0.1, np.nan, 0.1, 0.1, 0.1, 0.1])},
)


class Config(OpinionConfig):
    opinion: str = "any"
    trust: Annotated[PerUser, Limits(gt=0, le=1, words=("degree",))] = 0.5
    reach: PerUser = 3


class Anything(OpinionModel):
    Config = Config

    def step(self, opinions, innate, sources, key):
        return self.held(opinions, innate.copy())


def model(value):
    return Anything(validate(Config, Raw({"trust": value}, {})))


def values(value, people=PEOPLE):
    return model(value).bound(people).values("trust")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.25, [0.25] * 6),
        (1, [1.0] * 6),
        ("age", np.linspace(0.1, 0.6, 6)),
        ({"left": 0.1, "other": 0.9}, [0.1, 0.1, 0.9, 0.9, 0.9, 0.9]),
        ({"left": 0.1, "right": 0.2, "centre": 0.3}, [0.1, 0.1, 0.2, 0.2, 0.3, 0.3]),
    ],
)
def test_every_form_gives_a_value_to_each_user(value, expected):
    np.testing.assert_array_equal(values(value), expected)


@pytest.mark.parametrize(
    ("value", "law"),
    [
        ({"draw": "uniform", "low": 0.2, "high": 0.7}, stats.uniform(0.2, 0.5)),
        ({"draw": "beta", "a": 2, "b": 5}, stats.beta(2, 5)),
        ({"draw": "beta", "a": 2, "b": 5, "low": 0.5, "high": 1}, stats.beta(2, 5, 0.5, 0.5)),
        (
            {"draw": "normal", "mean": 0.4, "deviation": 0.2, "low": 0.1, "high": 1},
            stats.truncnorm(-1.5, 3, loc=0.4, scale=0.2),
        ),
        ({"draw": "power_law", "exponent": 2.1, "low": 0.01, "high": 1}, stats.truncpareto(1.1, 100, scale=0.01)),
        ({"draw": "power_law", "exponent": 1, "low": 0.01, "high": 1}, stats.loguniform(0.01, 1)),
    ],
)
def test_draws_follow_their_law_and_the_key_alone(value, law):
    many = People(4000, key=3)
    drawn = values(value, many)
    assert stats.kstest(drawn, law.cdf).pvalue > 0.001
    np.testing.assert_array_equal(drawn, values(value, many))
    assert (values(value, People(4000, key=4)) != drawn).mean() > 0.99


def test_two_options_draw_different_numbers():
    draw = {"draw": "uniform", "low": 0.1, "high": 0.9}
    known = Anything(Config(trust=draw, reach=draw)).bound(People(50))
    assert (known.values("trust") != known.values("reach")).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "greater than 0"),
        (1.5, "less than or equal to 1"),
        ({"left": 2.0}, "less than or equal to 1"),
        (float("nan"), "finite"),
        (True, "a mapping of groups"),
        ([1], "a mapping of groups"),
        ({"left": "much"}, "valid number"),
        ({"draw": "cauchy"}, "'uniform', 'normal', 'beta', 'power_law'"),
        ({"draw": "uniform", "low": 1, "high": 0.2}, "low < high"),
        ({"draw": "uniform", "low": 0.1}, "high: Field required"),
        (
            {"draw": "normal", "mean": 0, "deviation": 1},
            r"values must lie in \(0, 1\].*\[-inf, inf\]; set low and high",
        ),
    ],
)
def test_what_can_be_seen_in_the_file_is_refused_there(value, message):
    with pytest.raises(InputError, match=message):
        model(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("agee", "trust: there is no numeric column 'agee'.*did you mean 'age'"),
        ("gap", r"1 users have no value \(NaN\) of the column 'gap'"),
        ({"lefft": 0.1, "other": 0.2}, "no user is of a group 'lefft'; did you mean 'left'"),
        ({"left": 0.1}, "no value for the groups centre, right"),
    ],
)
def test_what_only_users_show_is_refused_when_they_are_known(value, message):
    with pytest.raises(InputError, match=message):
        values(value)


def test_columns_outside_the_limits_are_refused_without_their_values():
    with pytest.raises(InputError, match=r"2 users have values outside \(0, 1\]") as caught:
        values("wide", People(3, columns={"wide": np.array([0.5, 0.0, 7.125])}))
    assert "7.125" not in str(caught.value)


def test_groups_without_groups_are_refused():
    with pytest.raises(InputError, match="the users have no groups"):
        values({"left": 0.1}, People(3))


def test_all_options_are_reported_at_once():
    with pytest.raises(InputError) as caught:
        Anything(Config(trust="no", reach="such")).bound(PEOPLE)
    assert len(caught.value.problems) == 2


def test_a_word_of_its_own_is_no_column():
    assert "trust" not in model("degree").bound(PEOPLE)._values


def test_plain_numbers_need_no_users_and_others_do():
    np.testing.assert_array_equal(model(0.25).values("trust", 3), [0.25] * 3)
    np.testing.assert_array_equal(model(0.25).values("trust"), [0.25])
    with pytest.raises(InputError, match=r"call model.bound\(people\)"):
        model("age").values("trust", 6)


def test_bound_leaves_the_model_as_it_was_and_zealots_where_they_are():
    free = model(0.5)
    zealots = free.bound(People(3, fixed=np.array([False, True, False])))
    before, innate = np.zeros((3, 2)), np.ones((3, 2))
    np.testing.assert_array_equal(zealots.step(before, innate, None, 0)[:, 0], [1, 0, 1])
    np.testing.assert_array_equal(free.step(before, innate, None, 0)[:, 0], [1, 1, 1])
    assert free.people is None
    assert not free.fixed(3).any()


@given(
    st.one_of(
        st.floats(0.01, 1),
        st.text("abc", min_size=1),
        st.dictionaries(st.text("xyz", min_size=1), st.floats(0.01, 1), min_size=1),
        st.builds(lambda low: {"draw": "uniform", "low": low, "high": 1}, st.floats(0.01, 0.9)),
    )
)
def test_round_trip(value):
    config = Config(trust=value)
    assert Config.model_validate(config.model_dump()) == config
    assert Config.model_validate_json(config.model_dump_json()) == config
    assert config.replace(name="again").trust == config.trust


def test_greatest_value_that_can_be_given():
    trusts = [0.4, {"left": 0.1, "other": 0.9}, {"draw": "beta", "a": 1, "b": 1, "high": 0.7}, "age"]
    assert [greatest(Config(trust=trust).trust) for trust in trusts] == [0.4, 0.9, 0.7, -np.inf]


def test_schema_lists_every_form():
    forms = TypeAdapter(PerUser).json_schema()["anyOf"]
    assert {form.get("type") for form in forms} == {"number", "string", "object"}
    assert len(forms) == 7
