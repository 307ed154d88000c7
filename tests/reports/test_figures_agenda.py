"""Figures about attention: what they draw, in which order, and what they leave out."""

import made_agenda
import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.agendas import agendas, group_colours, own_side, role, sort_groups
from hemicycle.reports.export import specification
from hemicycle.reports.facts import StudyFacts
from hemicycle.reports.figures_agenda import agenda_figures
from hemicycle.reports.figures_attention import salience, streams
from hemicycle.reports.figures_following import FOLLOWS, LEADS, UNTOLD, comparisons
from hemicycle.reports.figures_hawkes import endogeneity_rows
from hemicycle.reports.figures_leads import strongest_lag
from hemicycle.reports.figures_networks import RADIUS, arrow, places
from hemicycle.reports.figures_recovery import fewest_days
from hemicycle.reports.findings_agenda import agenda_findings
from hemicycle.reports.html import figures, render
from hemicycle.reports.tables_agenda import agenda_tables
from hemicycle.reports.theme import BLUE, SKY, VERMILION

ALL_FIGURES = [
    *("effects_at_the_end", "follows_or_leads", "following_by_issue"),
    *("responses_one_time", "responses_one_time_cumulative", "responses_permanent"),
    *("variance_decomposition", "leading_matrix", "lead_network", "event_studies", "attention_streams"),
    *("issue_salience", "branching_matrix", "endogeneity", "goodness_of_fit"),
    *("agenda_mediation", "agenda_recovery", "agenda_power"),
]


FEW = made_agenda.GROUPS[1:5]


@pytest.fixture(scope="module")
def tables():
    return made_agenda.whole()


@pytest.fixture(scope="module")
def drawn(tables):
    return {figure.id: figure for figure in agenda_figures(tables)}


def test_everything_is_drawn_in_order(drawn):
    assert list(drawn) == ALL_FIGURES
    for figure in drawn.values():
        assert len(figure.table) > 0
        assert len(figure.alt_text) > 40
        assert "nan" not in figure.sentence
        assert specification(figure)["$schema"]


def test_a_study_of_attention_alone_has_a_report(tables):
    facts = StudyFacts("t", "q", "n", "f" * 32, config={"agenda": {"legislators": {}}})
    shown = {name: tables[name] for name in ("agenda_following", "agenda_power")}
    assert [figure.id for figure in figures(shown)] == ["follows_or_leads", "following_by_issue", "agenda_power"]
    text = render(facts, shown, [], {})
    assert "legislators follow more than they lead" in text
    assert "Data: the study's data set" not in text
    assert 'id="agenda-following"' in text


@pytest.mark.parametrize("name", sorted(made_agenda.whole(FEW)))
def test_any_table_alone_is_enough_for_a_report(name):
    alone = {name: made_agenda.whole(FEW)[name]}
    text = " ".join([*agenda_findings(alone), *(figure.sentence for figure in agenda_figures(alone))])
    assert "nan" not in text.split()
    assert all(table.rows for table in agenda_tables(alone))


def test_tables_without_rows_draw_nothing(tables):
    assert agenda_figures({name: rows.iloc[:0] for name, rows in tables.items()}) == []
    assert agenda_figures({}) == []


# -- analyses and groups ---------------------------------------------------------------------------------------------


def test_roles_come_from_names():
    roles = [role(name) for name in ("Republicans", "Democratic_Supporters", "Attentive public", "Media", "GP")]
    assert roles == ["legislators", "supporters", "public", "media", ""]


def test_groups_are_sorted_by_role_and_keep_their_order():
    groups = ["Media", "Republicans", "Public", "Republican_Supporters", "Democrats", "Media"]
    assert sort_groups(groups) == ["Republicans", "Democrats", "Republican_Supporters", "Public", "Media"]


def test_colours_are_those_of_parties_and_never_shared():
    names = [*made_agenda.GROUPS, "Others"]
    colours = group_colours(names)
    assert len(set(colours)) == len(names)
    assert colours[:2] == [BLUE, VERMILION]
    assert colours[4] == SKY


def test_own_side():
    assert own_side("Democrats", "Democratic_Supporters")
    assert not own_side("Democrats", "Republican_Supporters")
    assert not own_side("GP", "GP")


def test_analyses_are_told_apart_and_have_modes(tables):
    twice = pd.concat([tables["agenda_var"], tables["agenda_var"].assign(agenda="other", mode="panel")])
    bare = tables["agenda_responses"].query("mode == 'panel'").drop(columns="mode").assign(agenda="other")
    found = agendas({"agenda_var": twice, "agenda_responses": bare})
    assert [one.name for one in found] == ["legislators", "other"]
    assert found[1].modes == ["panel"]
    assert found[1].id("x") == "x_other"
    assert found[0].rows("responses").empty


def test_areas_are_those_of_attention(tables):
    topics = made_agenda.following(issues=("Economy", "Topic_7"))
    (one,) = agendas({"agenda_following": topics, "agenda_attention": tables["agenda_attention"]})
    assert one.areas("following") == (["Economy"], ["Topic_7"])


# -- responses -------------------------------------------------------------------------------------------------------


def test_effects_are_those_of_42_pairs_in_each_mode_and_rise(drawn):
    table = drawn["effects_at_the_end"].table
    assert table.groupby(["mode", "shock"]).size().eq(42).all()
    assert table["day"].eq(made_agenda.DAYS).all()
    assert table.loc[table["clear"], "ci_low"].gt(0).all()
    text = str(drawn["effects_at_the_end"].chart.to_dict())
    assert "points summed over the days" in text


def test_verdicts_stand_beside_those_by_shares_of_variance(drawn):
    table = drawn["follows_or_leads"].table
    both = table[table["mode"] == "panel"].pivot_table(index="pair", columns="shock", values="difference")
    assert (both["permanent"] * both["shares"] <= 0).all()
    assert "by shares of forecast variance by panel" in drawn["follows_or_leads"].sentence


def test_who_moves_first_is_said(drawn):
    assert "first to half of its peak is Public in .40 and Media in .30" in drawn["event_studies"].sentence


def test_a_grid_has_a_cell_for_every_pair(drawn):
    table = drawn["responses_permanent"].table
    assert not (table["impulse"] == table["response"]).any()
    (values,) = drawn["responses_permanent"].chart.to_dict()["datasets"].values()
    assert len({(row["impulse"], row["response"]) for row in values}) == 49


def test_comparisons_are_of_legislators_with_others(tables):
    (one,) = agendas({"agenda_following": tables["agenda_following"]})
    rows = comparisons(one)
    assert {role(group) for group in rows["a"]} == {"legislators"}
    assert not {role(group) for group in rows["b"]} & {"legislators"}
    assert rows.groupby(["mode", "shock"]).size().eq(10).all()
    assert set(rows.loc[rows["mode"] == "stacked", "shock"]) == {"one-time cumulative", "permanent"}
    assert rows.loc[rows["ci_low"] > 0, "verdict"].eq(FOLLOWS).all()
    assert rows.loc[rows["ci_high"] < 0, "verdict"].eq(LEADS).all()


def test_pairs_that_stand_the_other_way_round_are_turned():
    row = {"agenda": "x", "issue": "all", "mode": "panel", "shock": "permanent", "a": "Media", "b": "Democrats"}
    row |= {"b_on_a": 1.0, "a_on_b": 3.0, "difference": -2.0, "ci_low": -3.0, "ci_high": -1.0}
    rows = comparisons(agendas({"agenda_following": pd.DataFrame([row])})[0])
    told = rows[["a", "b", "b_on_a", "difference", "ci_low", "ci_high", "verdict"]].iloc[0].tolist()
    assert told == ["Democrats", "Media", 3.0, 2.0, 1.0, 3.0, FOLLOWS]


def test_without_legislators_every_pair_is_compared_once():
    rows = comparisons(agendas({"agenda_following": made_agenda.following(groups=("A", "B", "C"))})[0])
    assert len(rows.query("shock == 'permanent'")) == 3
    assert set(rows["verdict"]) <= {FOLLOWS, LEADS, UNTOLD}


def test_one_issue_has_no_map(tables):
    one = {"agenda_following": tables["agenda_following"].query("issue in ['all', 'Economy']")}
    assert [figure.id for figure in agenda_figures(one)] == ["follows_or_leads"]


# -- leads -----------------------------------------------------------------------------------------------------------


def test_the_strongest_lag_stands_for_a_pair():
    rows = pd.DataFrame({"measure": "m", "from": "a", "to": "b", "lag": [1, 2, 3], "value": [9.0, 1.0, 2.0]})
    assert strongest_lag(rows.assign(p_bh=[0.5, 0.01, 0.01]))["lag"].tolist() == [3]


def test_stars_are_edges(drawn):
    table = drawn["leading_matrix"].table
    assert (table["text"].str.endswith("*") == table["edge"]).all()
    assert len(table) == 3 * 42


def test_networks_draw_edges_alone(drawn, tables):
    leads = tables["agenda_leads"].query("measure == 'granger'")
    assert len(drawn["lead_network"].table) == leads["edge"].sum()
    none = {"agenda_leads": tables["agenda_leads"].assign(edge=False)}
    assert [figure.id for figure in agenda_figures(none)] == ["leading_matrix"]


def test_arrows_begin_and_end_beside_their_groups_and_bend_apart():
    at = places(["a", "b", "c"])
    assert at["a"] == pytest.approx((0, RADIUS))
    there, back = arrow(at["a"], at["b"]), arrow(at["b"], at["a"])
    for line, (start, end) in ((there, "ab"), (back, "ba")):
        points = line[["x", "y"]].to_numpy()
        assert 0.05 < np.hypot(*(points[0] - np.array(at[start]))) < 0.3
        assert 0.05 < np.hypot(*(points[-1] - np.array(at[end]))) < 0.3
    assert np.hypot(*(there[["x", "y"]].to_numpy()[8] - back[["x", "y"]].to_numpy()[8])) > 0.1


def test_the_angle_of_an_arrow_is_clockwise_from_up():
    assert arrow((0.0, 0.0), (0.0, 1.0))["angle"].mean() == pytest.approx(0, abs=2)
    assert arrow((0.0, 0.0), (1.0, 0.0))["angle"].mean() == pytest.approx(90, abs=2)


# -- attention -------------------------------------------------------------------------------------------------------


def test_streams_keep_the_sum_and_join_what_is_rare():
    rows = made_agenda.attention(groups=("A",), weeks=50)
    many = pd.concat([rows.assign(issue=rows["issue"] + end) for end in ("", " 2")]).assign(group="A")
    found = streams(many.rename(columns={"issue": "issue"}))
    assert "all other issues" in set(found["issue"])
    totals = found.groupby("time")["share"].sum()
    assert totals.mean() == pytest.approx(many.groupby("time")["share"].sum().mean())


def test_long_series_are_drawn_at_fewer_times():
    rows = made_agenda.attention(groups=("A",), weeks=500)
    assert streams(rows)["time"].nunique() == 100


def test_ranks_are_by_group():
    rows = pd.DataFrame({"issue": ["x", "y"] * 2, "group": list("aabb"), "share": [0.1, 0.2, 0.3, 0.1]})
    found = salience(rows).set_index(["issue", "group"])["rank"]
    assert found["x", "a"] == 2
    assert found["x", "b"] == 1


# -- events in continuous time ---------------------------------------------------------------------------------------


def test_groups_of_sources_stand_for_sources():
    row = {"agenda": "x", "issue": "all", "target": "press", "ci_low": 0.0, "ci_high": 1.0}
    parts = [("exogenous", "exogenous", 0.4), ("itself", "itself", 0.3), ("politicians", "group", 0.2)]
    rows = [row | {"level": "group", "part": p, "kind": k, "share": s} for p, k, s in (*parts, ("mp1", "source", 0.1))]
    rows += [row | {"target": "lemonde", "level": "source", "part": "itself", "kind": "itself", "share": 0.3}]
    found = endogeneity_rows(agendas({"agenda_endogeneity": pd.DataFrame(rows)})[0])
    assert found["part"].tolist() == ["outside", "the source itself", "politicians", "other sources"]
    assert found["share"].iloc[-1] == pytest.approx(0.1)


def test_shares_sum_to_one(drawn):
    assert drawn["endogeneity"].table.groupby("target")["share"].sum().to_numpy() == pytest.approx(1)
    assert drawn["variance_decomposition"].table.groupby("response")["share"].sum().to_numpy() == pytest.approx(1)


def test_the_sum_of_exponentials_is_drawn_by_its_total():
    rows = made_agenda.hawkes()
    both = pd.concat([rows.assign(kernel="decay 1"), rows.assign(kernel="total", branching=0.5)])
    (figure,) = agenda_figures({"agenda_hawkes": both})
    assert figure.table["branching"].eq(0.5).all()


# -- simulations -----------------------------------------------------------------------------------------------------


def test_fewest_days_must_be_enough_from_there_on():
    rows = pd.DataFrame({"days": [90, 180, 365], "power": [0.85, 0.7, 0.9]})
    assert fewest_days(rows) == 365
    assert fewest_days(rows.assign(power=0.9)) == 90
    assert fewest_days(rows.assign(power=0.1)) == 0


def test_power_says_what_is_needed_and_how_often_nothing_is_found(drawn):
    sentence = drawn["agenda_power"].sentence
    assert "an effect of .10 with 365 days of 20 topics or 90 days of 50 topics" in sentence
    assert "Without an effect .05 of replications reject." in sentence


def test_a_weight_of_exposure_is_recovered_beside_other_estimators(drawn):
    table = drawn["agenda_recovery"].table
    assert list(table["estimator"].unique()) == ["panel var", "hawkes least squares", "exposure, model arm"]
    assert set(table["interval"]) == {"holds the truth", "misses it"}


def test_several_models_and_analyses_are_told_apart(tables):
    effects = tables["agenda_mediation_effects"]
    other = effects.assign(model="mf", difference=effects["difference"] * np.where(effects["arm"] == "model", 2, 1))
    (figure,) = agenda_figures({"agenda_mediation_effects": pd.concat([effects, other])})
    assert list(figure.table["arm"].unique()) == [
        *("LightGCN", "MF", "random lists", "the most popular", "LightGCN untrained", "MF untrained"),
    ]
    unlike = other.assign(difference=other["difference"] + 1)
    (figure,) = agenda_figures({"agenda_mediation_effects": pd.concat([effects, unlike])})
    assert {"random lists (LightGCN)", "random lists (MF)"} <= set(figure.table["arm"])
    both = pd.concat([effects.assign(agenda="one"), effects.assign(agenda="two")])
    (figure,) = agenda_figures({"agenda_mediation_effects": both})
    assert {"LightGCN (one)", "LightGCN (two)"} <= set(figure.table["arm"])


def test_all_blocks_of_effects_have_the_colours_of_all_modes(drawn):
    text = str(drawn["effects_at_the_end"].chart.to_dict())
    assert "'domain': ['panel', 'stacked']" in text
    assert "'domain': ['panel']" not in text
