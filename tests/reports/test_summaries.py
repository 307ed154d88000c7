"""Which rows are shown, and what is made of seeds."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.summaries import (
    at_readout,
    control_names,
    control_words,
    envelope,
    gains,
    main_probe,
    model_labels,
    over_seeds,
    recommending,
    scores,
    settings_of,
    sort_layers,
    t_interval,
    target_label,
    with_model,
)


def test_a_family_with_one_variant_is_called_by_its_name(records):
    assert set(model_labels(records).values()) == {"MF", "LightGCN"}


def test_variants_of_a_family_and_their_twins_keep_their_stems(records):
    wide = records[records["family"] == "mf"].copy()
    for column in ("id", "name", "parent"):
        wide[column] = wide[column].str.replace("mf", "mf-d64")
    labels = model_labels(pd.concat([records, wide]))
    assert set(labels.values()) == {"mf", "mf-d64", "LightGCN"}
    assert labels["mf-d64-s1-0"] == "mf-d64"


def test_foreign_and_derived_models_keep_their_names():
    rows = pd.DataFrame(
        {"id": ["a", "b"], "name": ["twhin", "mf-s0-erased"], "family": ["foreign", "mf"], "seed": [-1, 0]}
        | {"status": ["foreign", "derived"], "parent": ["", "x"], "best_epoch": 0}
    )
    assert model_labels(rows) == {"a": "twhin", "b": "mf-s0-erased"}


def test_without_records_the_family_names_the_model(tables):
    rows = with_model(tables["probe_results"], pd.DataFrame())
    assert set(rows["model"]) == {"MF", "LightGCN"}


def test_targets_say_scope_and_entity():
    assert target_label("x", "all") == "x"
    assert target_label("x", "within party") == "x (within party)"
    assert target_label("x", "all", "item") == "x of items"


def test_the_linear_reader_is_the_main_one(tables):
    probes = tables["probe_results"]
    both = pd.concat([probes.assign(probe="mlp"), probes])
    assert set(main_probe(both)["probe"]) == {"ridge"}
    assert set(main_probe(probes.assign(probe="mlp"))["probe"]) == {"mlp"}


def test_the_recommending_checkpoint_is_the_best_or_else_the_last(tables, records):
    best = recommending(tables["probe_results"], records)
    assert best.groupby("status")["epoch"].unique().map(list).to_dict() == {"trained": [16], "untrained": [0]}
    unknown = recommending(tables["probe_results"], pd.DataFrame())
    assert unknown.loc[unknown["status"] == "trained", "epoch"].unique().tolist() == [32]
    missing = recommending(tables["probe_results"], records.assign(best_epoch=7))
    assert missing.loc[missing["status"] == "trained", "epoch"].unique().tolist() == [32]


def test_layers_are_ordered_and_the_readout_comes_last():
    assert sort_layers(["readout", "10", "2", "text", "0"]) == ["0", "2", "10", "text", "readout"]


def test_a_model_without_readout_is_read_at_its_last_layer(tables):
    probes = tables["probe_results"]
    assert set(at_readout(probes)["layer"]) == {"readout"}
    assert set(at_readout(probes[probes["layer"] != "readout"])["layer"]) == {"2"}


def test_a_score_counts_once_whatever_its_controls(tables):
    probes = tables["probe_results"]
    single = scores(probes)
    assert len(single) == len(probes[probes["control"] != "party"])


def test_over_seeds():
    rows = pd.DataFrame({"model": ["a", "a", "b"], "score": [1.0, 3.0, 5.0]})
    assert over_seeds(rows, ["model"]).to_dict("records") == [
        {"model": "a", "mean": 2.0, "low": 1.0, "high": 3.0, "seeds": 2},
        {"model": "b", "mean": 5.0, "low": 5.0, "high": 5.0, "seeds": 1},
    ]
    assert over_seeds(rows.iloc[:0], ["model"]).empty


def test_t_interval_of_a_known_sample():
    low, high = t_interval([1.0, 2.0, 3.0])
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-5)
    assert np.isnan(t_interval([1.0])).all()
    assert np.isnan(t_interval([1.0, np.nan])).all()


def test_the_envelope_holds_every_interval():
    rows = pd.DataFrame({"score": [0.5, 0.6], "ci_low": [0.4, 0.55], "ci_high": [0.58, 0.7]})
    assert envelope(rows) == (0.4, 0.7)
    assert envelope(rows.assign(ci_low=np.nan)) == (0.5, 0.6)


def test_gains_are_paired_by_seed():
    rows = pd.DataFrame(
        {"model": "a", "seed": [0, 1, 2, 0, 1, 9], "status": ["trained"] * 3 + ["untrained"] * 3}
        | {"score": [0.9, 0.8, 0.1, 0.2, 0.3, 0.0]}
    )
    (found,) = gains(rows, ["model"]).to_dict("records")
    assert found["gain"] == pytest.approx(0.6)
    assert found["pairs"] == 2
    assert (found["gain_low"], found["gain_high"]) == pytest.approx(t_interval([0.7, 0.5]))


def test_no_gain_without_twins():
    rows = pd.DataFrame({"model": "a", "seed": [0], "status": ["foreign"], "score": [0.5]})
    assert gains(rows, ["model"]).empty


def test_controls_are_told_in_order_and_named_after_their_column():
    rows = pd.DataFrame({"control": ["permuted", "covariates", "country", None, ""]})
    assert control_names(rows) == ["country", "covariates", "permuted"]
    assert [control_words(name) for name in control_names(rows)] == [
        "country labels alone",
        "groups and covariates together",
        "permuted labels",
    ]


def test_settings_are_read_from_json(records):
    assert settings_of(records)["mf-s0"] == {"model": "mf", "dim": 16}
    assert settings_of(pd.DataFrame()) == {}
