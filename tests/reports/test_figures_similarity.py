"""How alike models are, drawn: ordered, with what permuted users give, and closed where there is nothing."""

import itertools

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.export import png
from hemicycle.reports.figures_similarity import MOST_WRITTEN, model_map, ordered, similarity_matrix


@pytest.fixture
def records(make):
    return make.records(seeds=(0, 1))


def pairs(records, measure="cka_debiased", layers=("0", "readout")):
    source, rows = np.random.default_rng(0), []
    for layer in layers:
        known = records[[layer in layers_of for layers_of in records["layers"]]]
        for one, two in itertools.combinations(known.itertuples(), 2):
            same = one.status == two.status == "trained"
            value = (0.9 if one.family == two.family else 0.7) if same else 0.05
            value = float(np.sqrt(2 - 2 * value)) if measure == "procrustes" else value
            row = {"record_id": two.id, "other_id": one.id, "layer": layer, "other_layer": layer, "measure": measure}
            row |= {"value": value, "ci_low": value - 0.02, "ci_high": value + 0.02, "n": 101}
            rows.append(row | {"control": source.normal(0, 0.001), "control_low": -0.01, "control_high": 0.01})
    return pd.DataFrame(rows)


def placed(records, measure="cka_debiased", stress=0.05):
    source = np.random.default_rng(0)
    rows = [
        {
            "record_id": r.id,
            "layer": "readout",
            "measure": measure,
            "x": source.normal(),
            "y": source.normal(),
            "stress": stress,
        }
        for r in records.itertuples()
    ]
    return pd.DataFrame(rows)


def test_models_stand_by_status_family_and_seed(records):
    found = ordered(records.sample(frac=1, random_state=0), set(records["id"]))
    assert list(found["status"]) == ["trained"] * 4 + ["untrained"] * 4
    assert list(found["name"][:4]) == ["lightgcn-s0", "lightgcn-s1", "mf-s0", "mf-s1"]


def test_the_matrix_holds_the_layer_that_recommends_and_says_what_it_shows(records):
    figure = similarity_matrix(pairs(records), records)
    assert len(figure.table) == 8 * 7 / 2
    assert set(figure.table["layer"]) == {"readout"}
    assert ".90 between seeds of one model, .70 between different models" in figure.sentence
    assert ".05 between trained and untrained models and with users permuted .00" in figure.sentence
    first = figure.table[(figure.table["one"] == "lightgcn-s0") & (figure.table["two"] == "mf-s0")]
    assert len(first) == 1
    assert png(figure, 0.5)


def test_the_preferred_measure_is_drawn_and_distances_are_called_so(records):
    both = pd.concat([pairs(records, "procrustes"), pairs(records, "cka")])
    assert set(similarity_matrix(both, records).table["measure"]) == {"cka"}
    alone = similarity_matrix(pairs(records, "procrustes"), records)
    assert alone.sentence.startswith("Mean Procrustes distance: .45 between seeds of one model")
    assert "Distances are those of Procrustes" in model_map(placed(records, "procrustes"), records).sentence


def test_many_models_get_colours_without_numbers(make):
    records = make.records(seeds=range(MOST_WRITTEN))
    spec = similarity_matrix(pairs(records, layers=("readout",)), records).chart.to_dict()
    assert len(spec["layer"]) == 1


@pytest.mark.parametrize(("stress", "word"), [(0.05, "little"), (0.15, "fair"), (0.3, "much")])
def test_the_map_of_models_says_how_well_it_fits(records, stress, word):
    figure = model_map(placed(records, stress=stress), records)
    assert f"that is {word}" in figure.sentence
    assert len(figure.table) == len(records)
    assert set(figure.table["status"]) == {"trained", "untrained"}
    assert png(figure, 0.5)


def test_nothing_compared_nothing_drawn(records):
    assert similarity_matrix(pd.DataFrame(), records) is None
    assert model_map(pd.DataFrame(), records) is None
