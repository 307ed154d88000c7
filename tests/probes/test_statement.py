"""The sentences that say what was controlled."""

import numpy as np
import pandas as pd
from contracts.probe_contract import RECORD

from hemicycle.probes.base import probe_table
from hemicycle.probes.probe import probe_targets
from hemicycle.probes.ridge import RidgeConfig
from hemicycle.probes.statement import controls_sentence
from hemicycle.probes.target import Target


def rows(**columns):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((120, 3))
    return probe_targets(
        vectors, [Target("a", vectors[:, 0] + rng.standard_normal(120), **columns)], RidgeConfig(), RECORD
    )


def test_all_controls_are_told():
    party = np.arange(120) % 3
    columns = {"groups": {"party": party}, "covariates": {"age": np.arange(120.0)}, "degree": np.arange(120)}
    said = controls_sentence(probe_table(rows(**columns, community=np.arange(120) // 40)).to_pandas())
    beside = (
        "permuted labels, labels permuted among users of similar degree, labels permuted inside communities of the "
        "graph, random vectors of the same shape, groups and covariates alone, by the same probe, groups and "
        "covariates alone, by boosted trees and party alone."
    )
    nested = "penalties were chosen in nested folds, in 5 folds."
    for words in (nested, beside, "over the better of the two readers", "Scores within party", "attributes by Holm"):
        assert words in said


def test_nothing_is_claimed_that_was_not_done():
    said = controls_sentence(rows())
    assert "beside permuted labels and random vectors of the same shape." in said
    assert "No covariates were known" in said
    for word in ("Holm", "degree", "within", "trees"):
        assert word not in said
    assert controls_sentence([]) == controls_sentence(pd.DataFrame()) == ""


def test_grouped_folds_are_named_with_their_labels():
    party = np.arange(120) % 30
    position = np.random.default_rng(1).standard_normal(30)[party]
    target = Target("lrgen", position, {"party": party})
    vectors = np.random.default_rng(0).standard_normal((120, 3))
    said = controls_sentence(probe_targets(vectors, [target], RidgeConfig(), RECORD))
    assert "5 folds by party (detected)" in said
    assert "constant within them (lrgen)" in said
