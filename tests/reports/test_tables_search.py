"""What a report says of searches in tables, headlines, methods and references."""

import pandas as pd
import pytest

from hemicycle.reports.facts import StudyFacts
from hemicycle.reports.findings import findings, summary_lines
from hemicycle.reports.findings_search import search_findings
from hemicycle.reports.html import render
from hemicycle.reports.methods import bibliography, methods, read_bibliography
from hemicycle.reports.methods_search import KEYS
from hemicycle.reports.searches import searches
from hemicycle.reports.tables_search import BEST, MOST_FRONT, best_rows, search_tables

OPTIONS = {"algorithm": "tpe", "trials": 60, "generation": 8, "startup": 16}
HALVING = {"halving": {"first": 5, "factor": 3, "metric": "ndcg@20"}}


@pytest.fixture
def tables(searched):
    return searched()


def study(**options):
    return StudyFacts("t", "q", "n", "f" * 32, config={"searches": {"politics": OPTIONS | options}})


# -- table -----------------------------------------------------------------------------------------------------------


def test_the_front_with_hyperparameters_validation_and_test(tables):
    (table,) = search_tables(tables)
    (search,) = searches(tables)
    assert table.id == "best-trials-of-politics"
    assert table.head[:4] == ("trial", "architecture", "hyperparameters", "epochs")
    assert table.head[4:6] == ("NDCG@20, validation", "NDCG@20, test")
    assert table.head[-1] == "Coverage@20, validation"
    assert len(table.rows) == len(search.front)
    first = dict(zip(table.head, table.rows[0], strict=True))
    best = search.ranked("ndcg@20").iloc[0]
    assert first["trial"] == str(best["trial"])
    assert "dimension 128, learning rate 0.00" in first["hyperparameters"]
    assert first["NDCG@20, test"].startswith(".4")
    assert first["NDCG@20, test"].endswith("]")
    assert "were seen by no trial" in table.caption
    assert "8 trials that no other finished trial beats" in table.caption


def test_one_objective_has_its_ten_best(searched):
    (table,) = search_tables(searched(aims=("ndcg@20",)))
    assert len(table.rows) == BEST
    values = [float(row[4]) for row in table.rows]
    assert values == sorted(values, reverse=True)
    assert table.caption.startswith("The 10 best trials by NDCG@20 (more is better).")


def test_a_long_front_is_shown_evenly(tables):
    (search,) = searches(tables | {"trials": tables["trials"].assign(pareto=True)})
    assert len(search.front) > MOST_FRONT
    shown = best_rows(search)
    assert MOST_FRONT / 2 <= len(shown) <= MOST_FRONT
    (table,) = search_tables(tables | {"trials": tables["trials"].assign(pareto=True)})
    assert f"{len(shown)} of its {len(search.front)} trials, evenly chosen" in table.caption


def test_asynchronous_searches_say_that_they_cannot_be_had_again(searched):
    made = searched(mode="async")
    assert "asynchronous mode" in search_tables(made)[0].caption
    assert "cannot be had again from the seed" in " ".join(search_findings(made))
    assert "asynchronous" not in " ".join(search_findings(searched()))


def test_no_table_where_nothing_may_be_called_best(tables):
    assert search_tables(tables | {"trials": tables["trials"].assign(feasible=False)}) == []
    assert search_tables({}) == []


# -- headlines -------------------------------------------------------------------------------------------------------


def test_two_sentences_a_search_come_first(tables):
    first, second, *others = findings(tables)
    assert first.startswith("The search politics tried 60 trials of MF and LightGCN (18 stopped early, 1 failed and ")
    assert (
        "; of the 38 trials finished within the constraints 8 are beaten by no other of these in NDCG@20 and " in first
    )
    assert "From validation to test" in first
    assert second.startswith("In the search politics, what matters most is dimension for NDCG@20 (.24)")
    assert "24% saved" in second
    assert len(others) <= 4
    assert summary_lines(tables)[0] == first


def test_one_objective_names_its_best_trial_in_validation_and_test(searched):
    made = searched(aims=("ndcg@20",))
    first = search_findings(made)[0]
    best = searches(made)[0].ranked("ndcg@20").iloc[0]
    assert f"the best NDCG@20 is .{round(best['valid ndcg@20'] * 1000)} in validation, ." in first
    assert f"in test (trial {best['trial']}, LightGCN with dimension" in first
    assert "From validation to test, it changes: NDCG@20 by " in first


def test_searches_without_a_best_or_without_values_are_told(tables):
    beyond = tables | {"trials": tables["trials"].assign(feasible=False)}
    first = search_findings(beyond)[0]
    assert "none was finished within the constraints, so none is called best in NDCG@20 and probe score" in first
    assert first.endswith("; relax the bound, or enlarge the space.")
    failed = tables["trials"].assign(search="other", state="failed")
    assert search_findings({"trials": failed}) == ["The search other tried 60 trials, and none of them gave a value."]
    assert search_findings({}) == []


def test_what_halving_stopped_though_no_finished_trial_beats_it_is_told(tables):
    stopped = tables["trials"].query("state == 'stopped' and feasible")["trial"]
    values = tables["trial_values"].copy()
    values.loc[values["trial"].isin(stopped) & (values["metric"] == "probe:party"), "value"] = 9.0
    assert "stopped trial" not in search_findings(tables | {"trial_values": values})[0]
    values.loc[(values["trial"] == stopped.iloc[0]) & (values["metric"] == "probe:party"), "value"] = -9.0
    first = search_findings(tables | {"trial_values": values})[0]
    assert "1 stopped trial is beaten by no finished one: halving by NDCG@20 alone stops it. From validation" in first


# -- methods ---------------------------------------------------------------------------------------------------------


def test_methods_say_how_was_searched(tables):
    text = " ".join(methods(study(**HALVING), tables))
    for words in (
        "Search politics: 60 trials proposed by Optuna's multivariate tree-structured Parzen estimator",
        "the first 16 at random, in generations of 8",
        "training and validation data alone",
        "Successive halving trained every trial for 5 epochs and the best 1 in 3 further each time, by NDCG@20.",
        "Trials beyond a bound on Coverage@20",
        "PED-ANOVA",
        "hypervolume",
    ):
        assert words in text
    assert "(60 seeds" not in text


def test_methods_without_options_say_what_the_tables_show(searched):
    text = " ".join(methods(StudyFacts("t", "q", "n", "f" * 32), searched(mode="async")))
    assert "each as soon as another ended" in text
    assert "Weak trials were stopped early." in text


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_what_was_used_is_cited(tables, algorithm):
    text = bibliography(tables, study(algorithm=algorithm, **HALVING).config)
    expected = {*KEYS[algorithm], "jamieson2016nonstochastic", "zitzler1999multiobjective", "watanabe2023pedanova"}
    for key in expected:
        assert text.count(f"{{{key},") == 1
    others = {key for keys in KEYS.values() for key in keys} - expected
    assert not any(f"{{{key}," in text for key in others | {"li2020system"})
    assert expected <= set(read_bibliography())


def test_asynchronous_halving_cites_its_own(searched):
    text = bibliography(searched(mode="async"))
    assert "{li2020system," in text
    assert "{liaw2018tune," in text
    assert "optuna" not in bibliography({"records": pd.DataFrame()})


def test_the_page_has_the_searches(searched, facts):
    text = render(facts, searched(), [], {})
    assert "<h3>Best trials of politics</h3>" in text
    assert "The search politics tried 60 trials" in text
    assert "Search politics: 60 trials for" in text
    assert "politics-017" not in text
