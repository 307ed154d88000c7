"""Sentences on variance, similarity and concepts, each with what permuted labels or users give."""

import pandas as pd
import pytest

from hemicycle.reports.findings_geometry import (
    concept_findings,
    families,
    shape_findings,
    similarity_findings,
    variance_findings,
)


def test_nothing_is_said_without_tables():
    assert shape_findings({}) == []


def test_variance_stands_beside_permuted_labels_and_the_untrained_twin(few_records):
    base = {"layer": "readout", "quantity": "variance_explained", "attribute": "side", "family": "mf", "seed": 0}
    rows = [
        base | {"record_id": "mf-s0", "status": "trained", "epoch": 8, "value": 0.4, "ci_low": 0.35, "ci_high": 0.45},
        base | {"record_id": "mf-s0-0", "status": "untrained", "epoch": 0, "value": 0.1, "ci_low": 0, "ci_high": 0.2},
    ]
    table = pd.DataFrame(rows).assign(control=0.0, control_low=-0.01, control_high=0.01)
    (text,) = variance_findings(table, few_records)
    assert "side explains .40 [.35, .45] in MF (permuted labels .00 [\u2212.01, .01], untrained .10)" in text


@pytest.fixture
def pairs():
    ids = [("mf-s0", "mf-s1", 0.8), ("mf-s0", "mf-s0-0", 0.1), ("mf-s1", "mf-s0-0", 0.3)]
    rows = [{"record_id": one, "other_id": two, "value": value} for one, two, value in ids]
    common = {"layer": "readout", "other_layer": "readout", "measure": "cka_debiased", "n": 1000}
    return pd.DataFrame(rows).assign(
        **common, ci_low=0.0, ci_high=1.0, control=0.01, control_low=0.0, control_high=0.02
    )


def test_kinds_of_pairs_are_averaged_apart(pairs, few_records):
    found = families(pairs, few_records).set_index(["one", "two"])
    assert found.loc[("MF", "MF"), "value"] == pytest.approx(0.8)
    assert found.loc[("MF", "MF, untrained"), ["pairs", "low", "high"]].tolist() == [2, 0.1, 0.3]
    (text,) = similarity_findings(pairs, few_records)
    assert "by .80 between seeds of MF and .20 between models and untrained twins; with users permuted .01" in text


@pytest.mark.parametrize(("rising", "judged"), [(0.9, "do not give"), (0.5, "give, too")])
def test_concepts_are_judged_by_permuted_labels(few_records, rising, judged):
    row = {"record_id": "mf-s0", "family": "mf", "seed": 0, "status": "trained", "layer": "readout", "epoch": 8}
    row |= {"attribute": "side", "concept": "left", "stability": 0.9, "stability_high": 0.2, "rising": rising}
    (text,) = concept_findings(pd.DataFrame([row | {"rising_low": 0.4, "rising_high": 0.6}]), few_records)
    assert "The direction of side left in the read-out" in text
    assert "mean cosine .90 in MF, above permuted labels (95 % to .20)" in text
    assert f"which permuted labels {judged} [.40, .60]" in text
