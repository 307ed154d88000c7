"""Sentences, tables, methods and references about attention."""

import made_agenda
import pandas as pd
import pytest

from hemicycle.reports.agendas import LEGISLATORS, MEDIA, PUBLIC, agendas, role
from hemicycle.reports.facts import StudyFacts
from hemicycle.reports.figures_agenda import effects_at_the_end, permanent_responses
from hemicycle.reports.figures_decomposition import decomposition
from hemicycle.reports.figures_events import event_studies
from hemicycle.reports.findings import findings
from hemicycle.reports.findings_agenda import CAVEAT, agenda_findings
from hemicycle.reports.findings_following import disagreements, mode_findings, permanent_effects
from hemicycle.reports.methods import bibliography, methods, read_bibliography
from hemicycle.reports.methods_agenda import agenda_keys
from hemicycle.reports.tables_agenda import agenda_tables
from hemicycle.reports.theme import MINUS

SCALE = {"scale": "logit", "zeros": "half unit", "detrend": "none", "season": "none"}
VAR = {"mode": "panel", "lags": 7, "most_lags": 14, "fixed_effects": True, "kind": "orthogonalised", "order": []}
VAR |= {"horizon": 15, "points": 10.0, "permanent": "held", "translation": None, "replications": 1000}
VAR |= {"bands": "residual", "confidence": 0.95, "scale": SCALE}
STACKED = VAR | {"mode": "stacked", "fixed_effects": False, "scale": SCALE | {"zeros": "published"}}
LEADS = {
    "measures": ["granger", "transfer entropy"],
    "lags": "bic",
    "level": 0.05,
    "clusters": "topics",
    "scale": SCALE,
}
CONFIG = {
    "agenda": {
        "legislators": {
            "attention": {"form": "wide", "values": "shares"},
            "var": {"panel": VAR, "stacked": STACKED},
            "leads": LEADS,
            "shocks": {"threshold": 5.0, "window": 7, "baseline": 14},
            "hawkes": {"model": {"estimator": "em", "kernel": {"kernel": "exponential", "estimate": False}}},
            "power": {"leader": "media", "follower": "public"},
        }
    }
}


@pytest.fixture(scope="module")
def tables():
    return made_agenda.whole()


@pytest.fixture(scope="module")
def told(tables):
    return agenda_findings(tables)


def one(**values):
    row = {"agenda": "x", "issue": "all", "mode": "panel", "shock": "permanent", "a": "Democrats", "day": 15}
    row |= {
        "b": "Democratic_Supporters",
        "b_on_a": 3.0,
        "a_on_b": 1.0,
        "difference": 2.0,
        "ci_low": 1.0,
        "ci_high": 3.0,
    }
    return row | values


# -- findings --------------------------------------------------------------------------------------------------------


def test_the_first_sentence_answers_and_the_second_warns(told):
    assert told[0].startswith("After a permanent rise")
    assert "their own supporters in" in told[0]
    assert "the media in" in told[0]
    assert "by shares of forecast variance 4 of 10 verdicts turn into their opposite" in told[0]
    assert told[2].startswith("By shares of forecast variance")
    assert told[1] == CAVEAT
    assert told.count(CAVEAT) == 1
    assert not any("nan" in text or "caused by" in text for text in told)


@pytest.mark.parametrize(
    ("low", "high", "difference", "words"),
    [
        (1.0, 3.0, 2.0, "follow Democratic Supporters (+2.00 [1.00, 3.00]) more than they lead"),
        (-3.0, -1.0, -2.0, "lead Democratic Supporters (+2.00 [1.00, 3.00]) more than they follow"),
        (-1.0, 2.0, 0.5, "not told apart from Democratic Supporters (+.50 [\u22121.00, 2.00])"),
    ],
)
def test_following_leading_and_neither(low, high, difference, words):
    rows = pd.DataFrame([one(ci_low=low, ci_high=high, difference=difference)])
    found = agenda_findings({"agenda_following": rows})
    assert found[0].startswith("After a permanent rise (day 15), legislators follow more than they lead")
    assert words in found[2]


def test_what_is_left_of_a_one_time_rise_is_not_told_beside_its_sum(told):
    assert not any("(points, a one-time rise)" in text for text in told)
    assert any("(points, a one-time rise, summed over the days)" in text for text in told)


def test_issues_are_counted(told):
    (text,) = [text for text in told if text.startswith("Issue by issue (6")]
    assert "their own supporters in" in text
    assert "of 12 comparisons" in text


def test_modes_that_disagree_are_said(tables):
    rows = tables["agenda_responses"]
    moved = (rows["mode"] == "stacked") & (rows["impulse"] == "Media") & (rows["response"] == "Democrats")
    rows = rows.assign(**{name: rows[name] + 30 * moved for name in ("value", "ci_low", "ci_high")})
    (found,) = agendas({"agenda_responses": rows})
    effects = permanent_effects(found)
    both = disagreements(effects["panel"], effects["stacked"])
    assert len(both) == 42
    assert both["apart"].sum() == 1
    (text,) = mode_findings([found])
    assert "1 of 42 permanent effects have intervals that do not meet" in text
    assert "Democrats to Media" in text


def test_modes_of_two_analyses_of_the_same_groups_are_compared():
    rows = [made_agenda.responses(modes=(mode,)).assign(agenda=mode) for mode in ("panel", "stacked")]
    (text,) = mode_findings(agendas({"agenda_responses": pd.concat(rows)}))
    assert text.startswith("By the autoregression stacked instead of panel in panel")


def test_verdicts_that_depend_on_the_model_are_said():
    rows = pd.DataFrame([one(), one(mode="stacked", ci_low=-1.0)])
    found = agenda_findings({"agenda_following": rows})
    assert "Democrats and Democratic Supporters (not told apart instead of follows more)" in found[-1]


def test_explosive_models_are_said(tables):
    var = tables["agenda_var"].assign(explosive=[True, False], largest_root=[1.02, 0.9], issue=["Economy", "all"])
    (text,) = [text for text in agenda_findings({"agenda_var": var}) if "explosive" in text]
    assert text.startswith("1 of 2 autoregressions are explosive (largest root 1.020: Economy)")
    assert not any("explosive" in text for text in agenda_findings({"agenda_var": tables["agenda_var"]}))


def test_edges_leaders_and_shares(told, tables):
    count = int(tables["agenda_leads"].query("issue == 'all' and measure == 'granger'")["edge"].sum())
    (edges,) = [text for text in told if text.startswith("Who predicts whom")]
    assert f"{count} of 42 by Granger causality" in edges
    assert "Random Users, Republican Supporters and Democratic Supporters lead" in edges
    (shares,) = [text for text in told if text.startswith("Share of events")]
    assert "Politicians .55 [.53, .57] (Media .10 [.08, .12] of all)" in shares
    assert "The branching ratio is .55 [.53, .57]." in shares


def test_an_unstable_process_is_said(tables):
    unstable = tables["agenda_hawkes_fit"].assign(branching_ratio=1.1, message="unstable: no end")
    found = agenda_findings({"agenda_endogeneity": tables["agenda_endogeneity"], "agenda_hawkes_fit": unstable})
    assert "Note: unstable: no end." in found[0]


def test_simulations_are_told_without_the_caveat(tables):
    names = ("agenda_recovery", "agenda_power", "agenda_false_discoveries", "agenda_mediation_effects")
    found = agenda_findings({name: tables[name] for name in names})
    assert len(found) == 5
    assert CAVEAT not in found
    assert found[0] == (
        "Lists of LightGCN lead, in simulations and compared with no lists, to fewer issues a group (effective issues "
        f"{MINUS}.072 [{MINUS}.092, {MINUS}.052]) and agendas further apart (divergence +.072 [.052, .092]), on "
        "average over all groups of the agenda."
    )
    assert found[1] == (
        "Differences from no lists in effective issues and divergence under other lists: random lists .00 and .00; the "
        f"most popular {MINUS}.036* and +.036*; LightGCN untrained {MINUS}.0060 and +.0060 "
        "(* 95 % interval excludes 0)."
    )
    assert "panel var: bias" in found[2]
    assert "is .031 [.020, .042], and .98 of planted edges are found" in found[3]


def test_mediation_is_told_group_by_group_where_nothing_is_told_of_all(tables):
    rows = tables["agenda_mediation_effects"]
    (found,) = agenda_findings({"agenda_mediation_effects": rows[rows["a"] != "all groups"]})
    assert found.startswith("Attention under a recommender, simulated: ")
    assert "clearest: " in found


def test_attention_comes_before_ranking(tables):
    records = pd.DataFrame({"id": ["x"], "name": ["mf-s0"], "family": ["mf"], "seed": [0], "status": ["trained"]})
    row = {"record_id": "x", "epoch": 1, "split": "test", "metric": "ndcg@20", "value": 0.1, "ci_low": 0, "ci_high": 1}
    ranking = pd.DataFrame([row | {"name": "mf-s0", "family": "mf", "seed": 0, "status": "trained"}])
    known = {"records": records.assign(best_epoch=1), "ranking_results": ranking}
    found = findings(known | {"agenda_mediation_effects": tables["agenda_mediation_effects"]})
    assert found[0].startswith("Lists of LightGCN lead")
    assert any(text.startswith("On withheld interactions") for text in found[1:])


def test_no_clear_change_is_said_as_such(tables):
    rows = tables["agenda_mediation_effects"]
    rows = rows[rows["arm"] == "model"].assign(ci_low=-1.0, ci_high=1.0)
    (text,) = agenda_findings({"agenda_mediation_effects": rows})
    assert "to no clear change in the number of issues (effective issues" in text
    assert "no clear change in how far apart agendas are (divergence" in text


def test_findings_of_a_study_hold_them(tables):
    assert findings(tables)[0].startswith("After a permanent rise")
    assert agenda_findings({}) == []


# -- tables ----------------------------------------------------------------------------------------------------------


def test_tables_of_pairs_models_leaders_and_power(tables):
    found = {table.id: table for table in agenda_tables(tables)}
    assert list(found) == [
        *("agenda-effects", "agenda-following", "agenda-models", "agenda-leaders", "agenda-power"),
    ]
    effects = found["agenda-effects"]
    assert len(effects.rows) == 42
    assert "permanent, panel" in effects.head
    assert "one-time, stacked" not in effects.head
    assert all(all(row) for row in effects.rows)
    assert len(found["agenda-following"].rows) == 10 * 7
    assert found["agenda-models"].rows[0][:3] == ("all issues", "panel", "7")
    assert agenda_tables({}) == []


def test_topics_are_a_row_with_their_words():
    rows = pd.DataFrame({"agenda": "x", "topic": ["1"] * 3 + ["2"] * 3, "word": list("abcdef"), "rank": 1})
    (table,) = agenda_tables({"agenda_topics": rows.assign(coherence=0.4, stability=0.9, category="", label="")})
    assert [row[:2] for row in table.rows] == [("1", "a, b, c"), ("2", "d, e, f")]


# -- methods ---------------------------------------------------------------------------------------------------------


def test_methods_say_what_was_done(tables):
    facts = StudyFacts("t", "q", "n", "f" * 32, config=CONFIG)
    text = " ".join(methods(facts, tables))
    for words in (
        "The vector autoregression panel has 7 lags and a constant a topic; lags stop at topic borders",
        "Events in continuous time of Politicians, Citizens and Media",
        "zeros taken for half the rounding unit",
        "lags run across topic borders, as published",
        "zeros taken for .01 (the published floor)",
        "a rise by 10 points from a group's mean attention",
        "where effects of a one-time rise are cumulated",
        "95% percentile intervals of 1,000 bootstrap samples of residuals",
        "All else is as before.",
        "by Granger causality and transfer entropy (lags chosen by BIC)",
        "clusters of whole topics",
        "more than 5 robust standard deviations",
        "by exponential with a known decay; it was fitted by expectation maximisation",
        "a planted edge from media to public",
    ):
        assert words in text
    assert "Data:" not in text


def test_methods_need_no_configuration(tables):
    assert methods(StudyFacts("t", "q", "n", "f" * 32), tables)


def test_texts_say_how_topics_were_found(tables):
    model = {"method": "nmf", "topics": 30, "seeds": 5, "attention": "weights"}
    config = {"agenda": {"legislators": {"attention": {"form": "texts", "topic_model": model}}}}
    text = " ".join(methods(StudyFacts("t", "q", "n", "f" * 32, config=config), tables))
    assert "30 topics found in texts by non-negative matrix factorisation" in text
    assert "over 5 seeds" in text


def test_references_are_those_of_what_was_asked(tables):
    keys = agenda_keys(CONFIG, tables)
    assert {"barbera2019who", "granger1969investigating", "schreiber2000measuring", "veen2008estimation"} <= set(keys)
    assert {"sims1980macroeconomics", "nickell1981biases", "wilson1927probable", "ogata1988statistical"} <= set(keys)
    assert not {"pesaran1998generalized", "lee1999learning", "staniek2008symbolic"} & set(keys)
    assert set(keys) <= set(read_bibliography())
    generalised = {"agenda": {"legislators": {"var": {"g": VAR | {"kind": "generalised"}}}}}
    found = agenda_keys(generalised, {"agenda_responses": tables["agenda_responses"]})
    assert "pesaran1998generalized" in found
    assert "sims1980macroeconomics" not in found
    assert "hawkes1971spectra" in bibliography(tables, CONFIG)
    assert "hawkes1971spectra" not in bibliography({})


# -- other data than the published ones ------------------------------------------------------------------------------


def weekly(tables):
    return tables | {"agenda_attention": tables["agenda_attention"].assign(step="week")}


def test_sentences_and_figures_count_in_the_steps_of_the_data(tables):
    text = " ".join(agenda_findings(weekly(tables)))
    assert "After a permanent rise" in text
    assert "summed over the weeks" in text
    assert "share within a week" in text
    (agenda,) = agendas(weekly(tables))
    shown = [permanent_responses(agenda), effects_at_the_end(agenda), decomposition(agenda), event_studies(agenda)]
    assert [figure.title for figure in shown][:1] == ["Week by week: responses to a permanent rise"]
    for figure in shown:
        assert "week" in figure.sentence + figure.title
        assert " day" not in figure.sentence + figure.title + figure.alt_text


def test_explosive_autoregressions_of_all_issues_are_said_first(tables):
    var = tables["agenda_var"].assign(explosive=True, largest_root=1.01)
    assert "are explosive (largest root 1.01" in agenda_findings(tables | {"agenda_var": var})[0]


def test_groups_that_no_word_names_are_others():
    rows = pd.DataFrame([one(a="alpha", b="the public"), one(a="alpha", b="beta")])
    assert "the public in 1 of 1 comparisons; other groups in 1 of 1" in agenda_findings({"agenda_following": rows})[0]


def test_accents_hide_no_role():
    assert [role(name) for name in ("Médias", "députés", "élus", "citoyens")] == [
        MEDIA,
        LEGISLATORS,
        LEGISLATORS,
        PUBLIC,
    ]


def test_one_group_makes_no_decomposition(tables):
    rows = tables["agenda_decomposition"].query("response == 'Media' and impulse == 'Media'")
    (agenda,) = agendas({"agenda_decomposition": rows})
    assert decomposition(agenda) is None


def test_the_decomposition_is_that_of_the_first_model(tables):
    rows = tables["agenda_decomposition"]
    both = pd.concat([rows.assign(mode="a", share=0.0), rows.assign(mode="panel")])
    (agenda,) = agendas(tables | {"agenda_decomposition": both})
    assert decomposition(agenda).table["share"].max() > 0


def test_groups_of_sources_are_no_sources(tables):
    config = {"agenda": {"legislators": {"hawkes": {"model": {"parts": {"x": ["Media"]}}}}}}
    parts = tables["agenda_endogeneity"].assign(target="a part")
    text = " ".join(methods(StudyFacts("t", "q", "n", "f" * 32, config=config), tables | {"agenda_endogeneity": parts}))
    assert "Events in continuous time of" in text
    assert "a part" not in text


def test_stationarity_is_told_as_shares_of_series():
    p = {"adf": [0.001, 0.2, None], "kpss": [0.01, 0.02, 0.3]}
    rows = [{"agenda": "a", "test": test, "p_bh": value} for test, values in p.items() for value in values]
    (text,) = agenda_findings({"agenda_stationarity": pd.DataFrame(rows)})[:1]
    assert "a unit root is rejected in 50% of the series" in text
    assert "stationarity in 67% (KPSS)" in text
