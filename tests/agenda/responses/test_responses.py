import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from statsmodels.tsa.api import VAR

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.attention.config import AttentionConfig
from hemicycle.agenda.attention.files import read_attention
from hemicycle.agenda.responses.bootstrap import joined, replications
from hemicycle.agenda.responses.responses import VarOptions, fitted, responses, tables
from hemicycle.core.errors import InputError
from hemicycle.core.seeding import rng

GROUPS = ("press", "left", "right")
SMALL = VarOptions(lags=1, most_lags=2, horizon=4, replications=40, points=5.0)


def planted(topics=6, days=80, seed=0, follows=0.6):
    """Attention in which the left follows the press a day later, and nothing else."""
    random = rng("responses", seed)
    level = random.normal(size=(topics, days, 3)) * 0.4
    for t in range(1, days):
        level[:, t] += 0.3 * level[:, t - 1]
        level[:, t, 1] += follows * level[:, t - 1, 0]
    times = np.datetime64("2024-01-01", "s") + np.arange(days) * np.timedelta64(86400, "s")
    shares = 1 / (1 + np.exp(4 - level))
    return Attention(shares, tuple(f"t{topic}" for topic in range(topics)), GROUPS, times)


def test_tables_and_their_columns():
    found = responses(planted(), SMALL, 1)
    assert list(found) == [
        *("agenda_responses", "agenda_decomposition", "agenda_lags", "agenda_var"),
        *("agenda_following", "agenda_following_shares"),
    ]
    table = found["agenda_responses"]
    assert list(table) == ["kind", "shock", "impulse", "response", "day", "scale", "value", "ci_low", "ci_high"]
    sizes = table.groupby(["shock", "scale"]).size()
    assert sizes.to_dict() == dict.fromkeys(
        [
            ("one-time", "logit"),
            ("one-time", "points"),
            ("one-time cumulative", "points"),
            ("permanent", "logit"),
            ("permanent", "points"),
        ],
        9 * 5,
    )
    assert (table["ci_low"] <= table["ci_high"] + 1e-12).all()
    assert list(found["agenda_decomposition"]) == ["response", "impulse", "day", "share", "ci_low", "ci_high"]
    assert list(found["agenda_lags"]) == ["lags", "aic", "bic", "hq", "chosen"]
    about = found["agenda_var"].iloc[0]
    assert (about["lags"], about["topics"], about["rows"], about["replications"]) == (1, 6, 6 * 79, 40)
    assert not about["explosive"]
    assert about["message"] == ""


def one(table, **wanted):
    for name, value in wanted.items():
        table = table[table[name] == value]
    assert len(table) == 1
    return table.iloc[0]


@pytest.mark.parametrize("bands", ["residual", "topics"])
def test_the_planted_follower_is_found(bands):
    found = responses(planted(days=200), SMALL.replace(bands=bands, replications=200), 1)
    effect = one(found["agenda_responses"], shock="permanent", scale="points", impulse="press", response="left", day=4)
    assert effect["ci_low"] > 1
    back = one(found["agenda_responses"], shock="permanent", scale="points", impulse="left", response="press", day=4)
    assert back["ci_low"] < 0.3
    follows = one(found["agenda_following"], shock="permanent", a="left", b="press")
    assert follows["ci_low"] > 0
    assert follows["difference"] == pytest.approx(effect["value"] - back["value"])


def test_following_mirrors_and_pairs_replications():
    found = responses(planted(), SMALL, 1)["agenda_following"]
    assert set(found["shock"]) == {"one-time", "one-time cumulative", "permanent"}
    assert len(found) == 3 * 6
    one_way = one(found, shock="permanent", a="left", b="right")
    other = one(found, shock="permanent", a="right", b="left")
    assert one_way["ci_low"] == pytest.approx(-other["ci_high"])
    assert one_way["b_on_a"] == other["a_on_b"]
    assert one_way["day"] == 4


def test_tasks_that_share_the_replications_give_the_same_tables():
    whole = responses(planted(), SMALL, 3)
    model = fitted(planted(), SMALL)
    parts = [replications(model.var, SMALL.bands, 3, *span) for span in ((0, 11), (11, 40))]
    for name, table in tables(model, joined(parts)).items():
        pd.testing.assert_frame_equal(table, whole[name])


def test_responses_of_differences_are_those_of_attention_itself():
    options = SMALL.replace(scale={"detrend": "differences"}, replications=0)
    model = fitted(planted(), options)
    found = responses(planted(), options, 1)
    ours, psi = model.var.coefficients[0], [np.eye(3)]
    for _ in range(4):
        psi.append(psi[-1] @ ours)
    shock = np.linalg.cholesky(model.var.covariance)
    level = np.cumsum([each @ shock for each in psi], axis=0)[:, 1, 0]
    one_time = found["agenda_responses"].query("shock == 'one-time' and scale == 'logit'")
    pair = one_time.query("impulse == 'press' and response == 'left'")["value"].to_numpy()
    np.testing.assert_allclose(pair / model.translation.sizes[0], level / shock[0, 0])
    with pytest.raises(ValidationError, match="published translation is of levels"):
        VarOptions(mode="stacked", scale={"detrend": "differences"})


def test_the_stated_order_is_that_of_the_cholesky_factor():
    options = SMALL.replace(order=("right", "press", "left"), replications=0)
    table = responses(planted(), options, 1)["agenda_responses"]
    first = table[(table["shock"] == "one-time") & (table["scale"] == "logit") & (table["day"] == 0)]
    value = first.set_index(["impulse", "response"])["value"]
    assert value["left", "right"] == value["left", "press"] == value["press", "right"] == 0
    assert value["right", "left"] != 0


def test_generalised_responses_do_not_depend_on_how_groups_are_ordered():
    options = SMALL.replace(kind="generalised", replications=0)
    keys = ["shock", "scale", "impulse", "response", "day"]
    one_way = responses(planted(), options, 1)["agenda_responses"].sort_values(keys)
    other = responses(planted().select(groups=["right", "press", "left"]), options, 1)["agenda_responses"]
    np.testing.assert_allclose(other.sort_values(keys)["value"], one_way["value"], atol=1e-9)


def test_stacked_mode_uses_the_published_translation():
    table = responses(planted(), SMALL.replace(mode="stacked"), 1)["agenda_responses"]
    points = table[table["scale"] == "points"]
    assert set(points["shock"]) == {"one-time", "permanent"}
    assert (points.loc[points["day"] == 0, "value"] == 0).all()
    assert (points["value"].abs() <= 5.0 * 5).all()


def test_stacked_topics_take_what_is_missing_for_zero():
    attention, options = planted(), SMALL.replace(mode="stacked", scale={"zeros": 0.001}, replications=0)
    attention.shares[:, -1, 0] = np.nan
    empty = planted()
    empty.shares[:, -1, 0] = 0.0
    one_way, other = (responses(given, options, 1) for given in (attention, empty))
    assert one_way["agenda_var"]["rows"].item() == 6 * 80 - 1
    pd.testing.assert_frame_equal(one_way["agenda_decomposition"], other["agenda_decomposition"])


def test_a_single_topic_works():
    found = responses(planted().select(topics=["t2"]), SMALL, 1)
    assert found["agenda_var"]["topics"].item() == 1


def test_without_replications_there_are_no_bands():
    found = responses(planted(), SMALL.replace(replications=0), 1)
    assert found["agenda_responses"]["ci_low"].isna().all()
    assert found["agenda_var"]["bands"].item() == "none"


def test_a_missing_group_costs_rows_only():
    attention = planted()
    attention.shares[:, 30:33, 0] = np.nan
    about = responses(attention, SMALL.replace(replications=0), 1)["agenda_var"]
    assert about["rows"].item() == 6 * (79 - 4)


def test_explosive_roots_are_said():
    attention = planted(topics=1, days=60)
    attention.shares[:] = (
        1
        / (1 + np.exp(6 - np.exp(np.arange(60) / 40)))[None, :, None]
        * np.exp(rng("explosive").normal(size=(1, 60, 3)) * 0.05)
    )
    about = responses(attention, SMALL.replace(replications=0, fixed_effects=True), 1)["agenda_var"].iloc[0]
    assert about["explosive"]
    assert about["largest_root"] >= 1
    assert "the largest root is 1." in about["message"]


def test_corrected_replications_are_said():
    attention = planted(topics=1, days=25, follows=0.0)
    trend = np.cumsum(rng("walk").normal(size=(1, 25, 3)) * 0.3, axis=1)
    attention.shares[:] = 1 / (1 + np.exp(4 - trend))
    about = responses(attention, SMALL.replace(replications=300), 1)["agenda_var"].iloc[0]
    assert about["corrected"] > 0
    assert f"{about['corrected']} of 300 bootstrap replications" in about["message"]


@pytest.mark.parametrize(
    ("order", "message"),
    [(("left", "pres", "right"), "did you mean 'press'"), (("left", "right"), "name every group once")],
)
def test_orders_that_do_not_fit(order, message):
    with pytest.raises(InputError, match=message):
        responses(planted(), SMALL.replace(order=order), 1)


def test_a_rise_above_everything():
    with pytest.raises(InputError, match="ends above 100"):
        responses(planted(), SMALL.replace(points=98.5), 1)


def test_few_topics_are_refused_before_anything_is_drawn():
    with pytest.raises(InputError, match="choose bands: residual"):
        fitted(planted(topics=3), SMALL.replace(bands="topics"))


@pytest.mark.parametrize(
    "changes",
    [
        {"lags": 0},
        {"lags": "best"},
        {"mode": "stacked", "scale": {"scale": "share"}},
        {"points": 0},
        {"order": "press"},
    ],
)
def test_impossible_options(changes):
    with pytest.raises(ValueError, match=r"lags|scale|points|order"):
        VarOptions(**changes)


# -- published data -----------------------------------------------------------------------------------------------

PUBLISHED = {
    "file": "agenda_us_2013_2014/attention.csv.gz",
    "topics_file": {"file": "agenda_us_2013_2014/policy_topics.csv", "id": "our_"},
    "merge": {
        "101": ("27", "56"),
        "102": ("11", "74"),
        "103": ("38", "59"),
        "104": ("17", "26", "35", "42", "49"),
    },
    "groups": (
        *("Democrats", "Republicans", "Democratic_Supporters", "Republican_Supporters"),
        *("Public", "Random_Users", "Media"),
    ),
}


@pytest.fixture(scope="module")
def congress():
    return read_attention(AttentionConfig.model_validate(PUBLISHED))[0]


@pytest.mark.data
@pytest.mark.parametrize("zeros", ["published", "half unit"])
def test_stacked_mode_equals_statsmodels_on_the_published_data(congress, zeros):
    model = fitted(congress, VarOptions(mode="stacked", scale={"zeros": zeros}, replications=0))
    shares = np.nan_to_num(congress.shares).reshape(-1, 7)
    shares = np.where(shares == 0, 0.01 if zeros == "published" else 0.0005, shares)
    dummies = np.repeat(np.eye(len(congress.topics))[:, 1:], 730, axis=0)
    theirs = VAR(np.log(shares / (1 - shares)), exog=dummies).fit(7)
    np.testing.assert_allclose(model.var.coefficients, theirs.coefs, atol=1e-8)
    np.testing.assert_allclose(model.var.covariance, theirs.sigma_u, atol=1e-8)
    ours = model.deviation(model.var.coefficients, model.var.covariance)
    np.testing.assert_allclose(ours, theirs.irf(15).orth_irfs, atol=1e-8)


@pytest.mark.data
def test_supporters_move_their_own_legislators_most(congress):
    table = responses(congress, VarOptions(bands="topics", replications=200, bias="corrected"), 1)["agenda_responses"]
    last = table[(table["shock"] == "permanent") & (table["scale"] == "points") & (table["day"] == 15)]
    assert len(last) == 49
    effect = last.set_index(["impulse", "response"])
    own = effect.loc[[("Democratic_Supporters", "Democrats"), ("Republican_Supporters", "Republicans")]]
    other = effect.loc[[("Republican_Supporters", "Democrats"), ("Democratic_Supporters", "Republicans")]]
    assert own["ci_low"].min() > 1
    assert (own["value"].to_numpy() > other["value"].to_numpy()).all()
