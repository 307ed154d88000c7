"""Sentences, figures and tables on lists, their users and impressions."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.export import specification, svg
from hemicycle.reports.figures_quality import CHANCE, HISTORY, LISTS, beyond_accuracy, quality_by_group
from hemicycle.reports.quality import difference_findings, impression_findings, list_findings, quality_findings
from hemicycle.reports.tables_quality import differences, impressions

EMPTY = pd.DataFrame()
VALUES = {"mf": 0.3, "lightgcn": 0.5}


def about(records):
    """Columns that tables of records' results have."""
    for record in records.itertuples():
        yield {"record_id": record.id, **{k: getattr(record, k) for k in ("name", "family", "seed", "status")}}


@pytest.fixture
def lists(records):
    rows = []
    for base in about(records):
        value = VALUES[base["family"]] + 0.01 * base["seed"]
        for metric, column in (("novelty", ""), ("cross_cutting_share", "party"), ("mean_popularity", "")):
            ends = {"value": value, "ci_low": value - 0.02, "ci_high": value + 0.02, "n": 90, "k": 20}
            ends |= {"history": 0.4, "history_low": 0.38, "history_high": 0.42}
            ends |= {"random": 0.6, "random_low": 0.58, "random_high": 0.62, "difference": value - 0.4}
            ends |= {"difference_low": value - 0.45, "difference_high": value - 0.35}
            rows.append(base | {"metric": metric, "about": column} | ends)
    return pd.DataFrame(rows)


@pytest.fixture
def groups(records):
    rows = []
    for base in about(records):
        for by, names in {"party": ("Democrat", "Republican", "Independent"), "activity": ("quartile 1",)}.items():
            for place, name in enumerate(names):
                value = VALUES[base["family"]] + 0.1 * place
                hidden = name == "Independent"
                ends = {"value": value, "ci_low": value - 0.02, "ci_high": value + 0.02, "n": 50.0}
                ends = dict.fromkeys(ends, np.nan) if hidden else ends
                rows += [base | {"metric": m, "by": by, "group": name} | ends for m in ("ndcg@20", "recall@20")]
    return pd.DataFrame(rows)


@pytest.fixture
def shown(records):
    rows = []
    for base in about(records):
        for ranker, value in {"model": 0.7, "popularity": 0.6, "recency": 0.65, "random": 0.5}.items():
            for metric in ("auc", "mrr"):
                row = {"ranker": ranker, "metric": metric, "value": value, "ci_low": value - 0.01}
                row |= {"ci_high": value + 0.01, "difference": 0.7 - value if ranker != "model" else np.nan}
                row |= {"difference_low": row["difference"] - 0.02, "difference_high": row["difference"] + 0.02}
                rows.append(base | row | {"n": 300, "users": 90, "left_out": 7})
    return pd.DataFrame(rows)


@pytest.fixture
def compared():
    base = {"against": "popularity", "role": "best baseline", "chosen_on": "validation", "comparisons": 2, "n": 400}
    ends = {"mf": (0.01, -0.01, 0.03), "lightgcn": (0.2, 0.18, 0.22)}
    return pd.DataFrame(
        [
            base | {"model": m, "metric": metric, "difference": d, "ci_low": lo + 0.001, "ci_high": hi - 0.001}
            | {"adjusted_low": lo, "adjusted_high": hi}
            for m, (d, lo, hi) in ends.items()
            for metric in ("ndcg@20", "recall@20")
        ]
    )  # fmt: skip


# -- sentences -------------------------------------------------------------------------------------------------------


def test_only_what_all_comparisons_show_counts_as_above_the_baseline(compared):
    (text,) = difference_findings(compared)
    assert "LightGCN +.200 [.180, .220]" in text
    assert "not shown to be above it: MF" in text
    assert "all 2 comparisons" in text
    (none,) = difference_findings(compared[compared["model"] == "mf"])
    assert "no model is above it" in none


def test_lists_are_told_beside_history_and_chance(lists, records):
    (text,) = list_findings(lists, records)
    assert "MF .31 [.28, .34]" in text
    assert "users took themselves .40, of random lists .60" in text


def test_impressions_are_told_against_what_needs_no_model(shown, records):
    (text,) = impression_findings(shown, records)
    assert "MF .700 (+.100 [.080, .120] against popularity and +.050 [.030, .070] against recency)" in text


def test_nothing_is_said_of_nothing(records):
    assert quality_findings({}) == []
    assert quality_findings({"records": records, "list_results": EMPTY}) == []


# -- figures ---------------------------------------------------------------------------------------------------------


def test_groups_are_drawn_without_hidden_cells_and_untrained_twins(groups, records):
    figure = quality_by_group(groups, records)
    assert set(figure.table["group"]) == {"Democrat", "Republican", "quartile 1"}
    assert set(figure.table["seeds"]) == {3}
    assert "by party" in figure.sentence
    assert "2 of 4 pairs" in figure.sentence


def test_groups_that_do_not_differ_are_said_not_to(groups, records):
    wide = groups.assign(ci_low=0.0, ci_high=1.0)
    assert "No two groups differ" in quality_by_group(wide, records).sentence


def test_measures_are_drawn_beside_history_and_chance(lists, records):
    figure = beyond_accuracy(lists, records)
    assert set(figure.table["series"]) == {LISTS, HISTORY, CHANCE}
    assert list(figure.table["panel"].unique()) == ["novelty (bits)", "cross-cutting share, party"]
    assert "cross-cutting share, party above in 1 and below in 1" in figure.sentence
    close = lists.assign(difference_low=-0.1, difference_high=0.1)
    assert "cannot be told from it" in beyond_accuracy(close, records).sentence


def test_groups_without_an_interval_are_drawn_and_not_spoken_of(groups, records):
    few = groups["group"] == "Republican"
    ends = {name: groups[name].mask(few) for name in ("ci_low", "ci_high")}
    figure = quality_by_group(groups.assign(**ends), records)
    assert "Republican" in set(figure.table["group"])
    assert "No two groups differ" in figure.sentence


def test_figures_can_be_drawn(lists, groups, records):
    for figure in (beyond_accuracy(lists, records), quality_by_group(groups, records)):
        assert svg(figure).startswith("<svg")
        assert len(specification(figure)["description"]) > 40


def test_no_figure_without_rows(records, groups):
    assert quality_by_group(EMPTY, records) is None
    assert beyond_accuracy(EMPTY, records) is None
    assert quality_by_group(groups.assign(value=np.nan), records) is None


# -- tables ----------------------------------------------------------------------------------------------------------


def test_the_table_of_differences_states_how_many_there_are(compared):
    made = differences({"ranking_differences": compared})
    assert "all 2 together" in made.head
    assert made.rows[0][:4] == ("MF", "Popularity", "best baseline", "NDCG@20")
    assert "decided on validation" in made.caption
    assert differences({}) is None


def test_the_table_of_impressions_names_every_ranker_once(shown, records):
    made = impressions({"impression_results": shown, "records": records})
    assert sorted(row[0] for row in made.rows) == ["LightGCN", "MF", "popularity", "random", "recency"]
    assert "300 test impressions of 90 users (7 without" in made.caption
    assert impressions({}) is None
