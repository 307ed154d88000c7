"""Sentences say what the tables say, and no more."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.findings import (
    findings,
    gain_clause,
    headline_table,
    probe_findings,
    propagation_findings,
    ranking_finding,
    summary_lines,
)
from hemicycle.reports.findings_simulations import contrast_findings


def test_the_headline_table_holds_score_untrained_gain_and_controls(tables, records):
    head = headline_table(tables["probe_results"], records)
    row = head[(head["model"] == "LightGCN") & (head["target"] == "nominate_dim1")].iloc[0]
    probes = tables["probe_results"]
    own = probes[(probes["family"] == "lightgcn") & (probes["layer"] == "readout") & (probes["scope"] == "all")]
    own = own[(own["attribute"] == "nominate_dim1") & (own["control"] == "party")]
    trained, untrained = own[(own["epoch"] == 16)], own[own["status"] == "untrained"]
    assert row["score"] == pytest.approx(trained["score"].mean())
    assert row["untrained"] == pytest.approx(untrained["score"].mean())
    assert row["gain"] == pytest.approx(trained["score"].mean() - untrained["score"].mean())
    assert row["low"] == trained["ci_low"].min()
    assert row["seeds"] == 3
    assert row["control party"] == pytest.approx(0.84)
    assert row["control permuted low"] == pytest.approx(-0.08)


def test_the_first_sentence_names_layer_seeds_twins_and_controls(tables, records):
    first = probe_findings(tables["probe_results"], records)[0]
    assert first.startswith("At the layer that scores recommendations, MF reads nominate_dim1 with R² = .9")
    for words in ("(3 seeds)", "untrained twins reach .0", "training adds +.9", "party labels alone reach .84"):
        assert words in first
    assert "permuted labels reach \u2212.03 [\u2212.08, .05]" in first
    assert "within party ." in first


@pytest.mark.parametrize(
    ("gain", "low", "high", "text"),
    [
        (0.21, 0.15, 0.27, "training adds +.21 [.15, .27]"),
        (0.01, -0.03, 0.05, "training adds nothing that these seeds can show (+.01 [\u2212.03, .05])"),
        (-0.1, -0.15, -0.05, "training lowers it by .10 [.05, .15]"),
        (0.2, np.nan, np.nan, "training changes it by +.20 (one pair of seeds, so no interval)"),
        (np.nan, np.nan, np.nan, ""),
    ],
)
def test_how_much_training_adds(gain, low, high, text):
    assert gain_clause(gain, low, high) == text


def test_overlapping_intervals_are_said(tables, records):
    wide = tables["probe_results"].assign(ci_low=-1.0, ci_high=1.0)
    assert "the two scores' intervals overlap" in probe_findings(wide, records)[0]
    assert "overlap" not in probe_findings(tables["probe_results"], records)[0]


def test_a_foreign_model_has_no_twin(tables):
    probes = tables["probe_results"]
    foreign = probes[(probes["name"] == "mf-s0") & (probes["epoch"] == 16)].assign(status="foreign", record_id="f")
    records = pd.DataFrame(
        {"id": ["f"], "name": ["twhin"], "family": ["foreign"], "seed": [-1], "status": ["foreign"], "best_epoch": [16]}
    )
    text = probe_findings(foreign, records)[0]
    assert "twhin reads nominate_dim1" in text
    assert "(1 seed)" in text
    assert "untrained" not in text


def test_ranking(tables, records):
    text = ranking_finding(tables["ranking_results"], records)
    assert text.startswith("On withheld interactions NDCG@20 is LightGCN .")
    assert "MF ." in text
    assert ranking_finding(tables["ranking_results"].query("split == 'valid'"), records) == ""


def contrast(**changes):
    row = {"simulation": "s", "opinion": "friedkin_johnsen", "metric": "variance", "arm": "random", "reference": "none"}
    numbers = {"step": 9, "n_seeds": 5, "difference": -0.02, "ci_low": -0.03, "ci_high": -0.01}
    return {**row, **numbers, "minimum_detectable_effect": 0.014, **changes}


def test_a_clear_and_an_unclear_difference():
    rows = pd.DataFrame([contrast(), contrast(metric="bimodality", ci_high=0.01)])
    (text,) = contrast_findings(rows)
    assert text.startswith("Under Friedkin-Johnsen, random exposure against no exposure lowers variance by .020, and")
    assert text.endswith("shows no clear change of bimodality (step 9, 5 paired seeds).")


def test_nothing_is_claimed_where_the_interval_holds_zero():
    (text,) = contrast_findings(pd.DataFrame([contrast(ci_high=0.01)]))
    assert "shows no change of variance that these seeds could tell from zero" in text


@pytest.mark.parametrize("bounds", [{"ci_low": np.nan, "ci_high": np.nan}, {"ci_low": -0.02, "ci_high": -0.02}])
def test_nothing_is_claimed_without_an_interval(bounds):
    (text,) = contrast_findings(pd.DataFrame([contrast(**bounds)]))
    assert "has no interval" in text


def test_only_the_last_step_counts():
    rows = pd.DataFrame([contrast(step=3, difference=0.5, ci_low=0.4, ci_high=0.6), contrast()])
    assert "lowers variance" in contrast_findings(rows)[0]


def test_summary_lines_end_with_what_failed(tables):
    tables["failures"] = pd.DataFrame({"step": ["fit"], "title": ["fit mf"], "error": ["boom"]})
    lines = summary_lines(tables)
    assert lines[:-1] == findings(tables)
    assert lines[-1] == "1 item failed; see the table of failures."


def test_an_empty_study_says_so():
    assert summary_lines({}) == ["No results yet."]


def test_what_the_graph_alone_reads_is_said_per_model_with_layers():
    rows = pd.DataFrame(
        [
            {"model": "LightGCN", "target": "ideology", "status": status, "layer": layer, "seed": seed, "score": score}
            for seed in (0, 1, 2)
            for status, layer, score in (
                ("untrained", "0", 0.0),
                ("untrained", "2", 0.80 + 0.01 * seed),
                ("trained", "0", 0.70),
                ("trained", "2", 0.90 + 0.01 * seed),
            )
        ]
    )
    (sentence,) = propagation_findings(rows)
    assert sentence.startswith("LightGCN untrained reads ideology best at layer 2: .81 by the graph alone")
    assert "training adds +.10" in sentence
    assert propagation_findings(rows[rows["layer"] == "0"]) == []


def test_models_without_untrained_twins_come_last_and_beside_permuted_labels(records, tables):
    probes = tables["probe_results"]
    plain = probes[(probes["family"] == "mf") & (probes["status"] == "trained")].assign(family="popularity")
    plain = plain.assign(record_id=plain["record_id"].str.replace("mf", "a"), score=0.1, ci_low=0.0, ci_high=0.2)
    rows = records[(records["family"] == "mf") & (records["status"] == "trained")].assign(family="popularity")
    rows = rows.assign(id=rows["id"].str.replace("mf", "a"), name=rows["name"].str.replace("mf", "a"))
    texts = probe_findings(pd.concat([plain, probes]), pd.concat([rows, records]))
    assert "Popularity" not in texts[0]
    (text,) = [text for text in texts if "Popularity" in text and "nominate_dim1" in text]
    assert "Popularity with .10 [.00, .20] (permuted labels reach \u2212.03 [\u2212.08, .05])" in text
