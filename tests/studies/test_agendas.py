"""Analyses of attention as steps of a study: what they ask, what they refuse, what they share."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from hemicycle import api
from hemicycle.agenda.attention.attention import Attention
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.studies.agenda_config import AgendaConfig
from hemicycle.studies.agenda_tables import adjusted_over_issues
from hemicycle.studies.agenda_work import weekly
from hemicycle.studies.agendas import issues_of
from hemicycle.studies.config import StudyConfig
from hemicycle.studies.run import look

LEADS = {"measures": ["granger"], "lags": 1, "replications": 0}
SMALL = {"groups": ["media", "public"], "topics": 8, "days": 90}
PLANTED = {"name": "x", "agenda": {"a": {"simulated": SMALL, "leads": LEADS, "var": {"panel": {"replications": 0}}}}}


def study(**agenda):
    return StudyConfig.model_validate({"name": "x", "agenda": {"a": agenda}})


def tables(config, tmp_path, monkeypatch):
    monkeypatch.setattr(api, "write_report", lambda *args: None)
    found = api.run(config, executor=api.local(), store=Folder.at(tmp_path))
    assert found.tables["failures"].empty
    return found.tables


def long_table(tmp_path):
    """Another shape than the published one: other names, long, counts, a group that is missing on some days."""
    drawn = np.random.default_rng(0).poisson(9, (60, 4, 2))
    rows = [
        {"jour": day, "theme": theme, "qui": who, "n": int(drawn[d, t, len(who) % 2])}
        for d, day in enumerate(pd.date_range("2022-01-01", periods=60).strftime("%d/%m/%Y"))
        for t, theme in enumerate(("climat", "impots", "ecole", "sante"))
        for who in ("presse", "deputes")
        if not (who == "presse" and d in {10, 11})
    ]
    path = tmp_path / "presse.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_table_of_another_shape_takes_a_short_configuration(tmp_path, monkeypatch):
    text = f"""
name: french
agenda:
  press:
    attention:
      file: {long_table(tmp_path)}
      form: long
      values: counts
      columns: {{time: jour, time_format: "%d/%m/%Y", topic: theme, group: qui, value: n}}
    var: {{panel: {{lags: 2, replications: 20}}}}
    leads: {{lags: 1, replications: 20, shifts: apart, surrogates: 19, fewest: 4, block: 7}}
"""
    assert len(text.strip().splitlines()) < 20
    (tmp_path / "french.yaml").write_text(text)
    found = tables(tmp_path / "french.yaml", tmp_path / "store", monkeypatch)
    assert set(found["agenda_responses"]["impulse"]) == {"presse", "deputes"}
    assert found["agenda_attention"]["share"].between(0, 1).all()
    assert len(found["agenda_leads"]) == 3 * 2


def test_every_issue_is_a_step_and_all_its_tables_say_which(tmp_path, monkeypatch):
    planted = PLANTED["agenda"]["a"] | {"simulated": SMALL | {"topics": 4}}
    config = StudyConfig.model_validate(PLANTED)
    config = config.replace(agenda={"a": planted | {"issues": ["all", "topic"]}})
    found = tables(config, tmp_path, monkeypatch)
    assert set(found["agenda_var"]["issue"]) == {"all", *(f"topic-{k}" for k in range(4))}
    assert (found["agenda_var"]["mode"] == "panel").all()
    single = found["agenda_responses"].query("issue == 'topic-3'")
    alone = tables(config.replace(agenda={"a": planted | {"issues": ["topic"]}}), tmp_path, monkeypatch)
    again = alone["agenda_responses"].query("issue == 'topic-3'")
    pd.testing.assert_frame_equal(single.reset_index(drop=True), again.reset_index(drop=True), check_exact=True)


def test_batches_make_one_table_and_a_larger_design_keeps_them(tmp_path, monkeypatch):
    few = {"replications": 12, "estimators": ["panel var"], "simulation": SMALL | {"model": "panel var"}}
    small = tables(study(recovery=few), tmp_path, monkeypatch)["agenda_recovery"]
    assert sorted(small["replication"].unique()) == list(range(12))
    _, steps = look(study(recovery=few | {"replications": 30}), Folder.at(tmp_path))
    done = [step.folder(Folder.at(tmp_path)).done for step in steps]
    assert done == [True, False, False]


def test_what_is_asked_of_nothing_is_refused():
    with pytest.raises(ValidationError, match="leads needs attention: say under 'attention'"):
        study(leads={})
    with pytest.raises(ValidationError, match="does nothing: give attention"):
        study()
    with pytest.raises(ValidationError, match="give attention or simulated, not both"):
        study(attention={"file": "x.csv"}, simulated=SMALL)
    with pytest.raises(
        ValidationError, match=r"agenda\.a\.mediation: no member of the population is trained by itself"
    ):
        study(mediation={})
    with pytest.raises(ValidationError, match="a mediated agenda of the model 'hawkes'; choose capacity"):
        study(mediation={"simulation": {"model": "hawkes"}})
    members = {"p": {"recommender": "popularity"}}
    with pytest.raises(ValidationError, match="the member 'q' cannot mediate; choose among p"):
        StudyConfig.model_validate(
            {
                "name": "x",
                "data": "synthetic",
                "population": members,
                "agenda": {"a": {"mediation": {"members": ["q"]}}},
            }
        )


def test_too_few_days_are_told_before_anything_runs(tmp_path):
    config = study(simulated=SMALL | {"days": 9}, var={"panel": {"lags": 7}})
    with pytest.raises(InputError, match="16 times have a value") as caught:
        look(config, Folder.at(tmp_path))
    assert caught.value.problems[0].where.startswith("agenda.a.var.panel")


def attention(categories=()):
    days = np.datetime64("2024-01-01", "s") + np.arange(14) * np.timedelta64(86_400, "s")
    shares = np.full((3, 14, 2), 0.1)
    shares[:, :, 1] = np.nan
    shares[2, 7:, 0] = 0.4
    return Attention(shares, ("1", "2", "3"), ("a", "b"), days, categories=categories)


def test_weeks_sum_topics_of_a_category_and_leave_missing_groups_missing():
    table = weekly(attention(("x", "x", "y")))
    of = table.set_index(["issue", "group", "time"])["share"]
    assert of["x", "a"].tolist() == pytest.approx([0.2] * len(of["x", "a"]))
    assert of["y", "a"].iloc[0] == pytest.approx(0.1)
    assert of["y", "a"].iloc[-1] == pytest.approx(0.4)
    assert table.loc[table["group"] == "b", "share"].isna().all()
    assert set(weekly(attention())["issue"]) == {"1", "2", "3"}


def test_categories_of_few_topics_are_no_issues():
    config = AgendaConfig.model_validate({"simulated": SMALL, "issues": ["all", "category"], "fewest_topics": 2})
    assert [issue.name for issue in issues_of(config, attention(("x", "x", "y")))] == ["all", "x"]


def test_false_discoveries_are_counted_over_issues_but_not_with_all_topics():
    p = [0.001, 0.04, 0.03, 0.2]
    rows = pd.DataFrame({"agenda": "a", "issue": ["all", "x", "y", "z"], "measure": "granger", "p_value": p})
    found = adjusted_over_issues(rows.assign(level=0.05))
    assert found["p_bh"].tolist() == pytest.approx([0.001, 0.06, 0.06, 0.2])
    assert found["edge"].tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("asked", "place", "words"),
    [
        ({"leads": {}, "simulated": SMALL | {"days": 9}}, "leads: lags", "9 days are too few for 7 lags"),
        ({"shocks": {"groups": ["press"]}}, "shocks: groups", "no group 'press'"),
        ({"shocks": {"file": "no.csv"}}, "shocks: ", "no file 'no.csv'"),
        ({"stationarity": {"season": "day"}}, "stationarity: scale.season", "needs several times a day"),
        ({"var": {"p": {}}, "simulated": SMALL | {"groups": ["media"]}}, "var.p", "one group has no other"),
        ({"var": {"p": {"bands": "topics"}}, "issues": ["all", "topic"]}, "var.p.bands", "'topic-0' has 1"),
        ({"var": {"p": {}}, "issues": ["category"]}, "issues", "no issue is left"),
        ({"var": {"p": {}}, "issues": ["topic"], "simulated": SMALL | {"days": 22}}, "var.p: lags", "only 15 times"),
    ],
)
def test_questions_that_cannot_be_put_are_refused_before_anything_runs(asked, place, words, tmp_path):
    with pytest.raises(InputError, match=words) as caught:
        look(study(**({"simulated": SMALL} | asked)), Folder.at(tmp_path))
    assert caught.value.problems[0].where.startswith(f"agenda.a.{place}")


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"discoveries": {"simulation": SMALL | {"days": 3}}}, "discoveries"),
        ({"power": {"days": [9, 90], "topics": [20], "leads": LEADS | {"lags": 10, "clusters": "topics"}}}, "power"),
    ],
)
def test_simulated_agendas_that_are_too_short_are_refused_before_anything_runs(asked, place, tmp_path):
    with pytest.raises(InputError, match="days") as caught:
        look(study(**asked), Folder.at(tmp_path))
    assert caught.value.problems[0].where.startswith(f"agenda.a.{place}")


def test_files_that_cannot_be_used_are_refused_before_anything_runs(tmp_path):
    pd.DataFrame({"time": range(80), "source": ["a", "b"] * 40}).to_csv(tmp_path / "posts.csv", index=False)
    hawkes = {"events": {"path": str(tmp_path / "posts.csv")}, "model": {"parts": {"media": ["a", "c"]}}}
    with pytest.raises(InputError, match=r"agenda\.a\.hawkes: parts\.media: there is no source 'c'"):
        look(study(hawkes=hawkes), Folder.at(tmp_path))
    hawkes["events"]["source"] = "who"
    with pytest.raises(InputError, match=r"agenda\.a\.hawkes: .* no column 'who'"):
        look(study(hawkes=hawkes), Folder.at(tmp_path))
    texts = {"file": str(tmp_path / "posts.csv"), "form": "texts"}
    with pytest.raises(InputError, match=r"agenda\.a\.attention: .* no column 'date'"):
        look(study(attention=texts), Folder.at(tmp_path))


def test_attention_says_how_far_its_times_are_apart(tmp_path, monkeypatch):
    found = tables(StudyConfig.model_validate(PLANTED), tmp_path, monkeypatch)
    assert set(found["agenda_attention"]["step"]) == {"day"}


@pytest.mark.parametrize(
    ("simulation", "told"),
    [
        ({"groups": ["media"], "days": 10}, "there is no group 'left'"),
        ({"groups": ["left", "right"], "days": 90}, "days"),
        ({"groups": ["far-left", "left", "centre", "right", "far-right"], "days": 3}, "rows of 3 days"),
    ],
)
def test_news_that_do_not_fit_the_agenda_are_refused_before_anything_is_trained(tmp_path, simulation, told):
    news = {"source": "synthetic", "users": 50, "items": {"number": 200}, "news": {"days": 14}}
    trained = {"mf": {"recommender": {"model": "mf", "dim": 4}}}
    config = {"name": "x", "data": news, "relation": "clicks", "population": trained}
    config["agenda"] = {"a": {"mediation": {"simulation": simulation}}}
    with pytest.raises(InputError, match=told) as caught:
        look(StudyConfig.model_validate(config), Folder.at(tmp_path))
    assert caught.value.problems[0].where.startswith("agenda.a.mediation")
