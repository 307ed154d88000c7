"""Dimensions and shares of variance, drawn by epoch and by layer."""

import pandas as pd
import pytest

from hemicycle.reports.export import png
from hemicycle.reports.figures_geometry import geometry_by_epoch, geometry_by_layer


@pytest.fixture
def records(make):
    return make.records(seeds=(0, 1))


def geometry(records):
    rows = []
    for record in records.itertuples():
        sites = [("readout", e) for e in record.epochs if e != record.best_epoch]
        for layer, epoch in sites + [(layer, record.best_epoch) for layer in record.layers]:
            about = {"record_id": record.id, "family": record.family, "seed": record.seed, "status": record.status}
            about |= {"layer": layer, "epoch": epoch, "entity": "user", "n": 100}
            trained = epoch / 32
            for quantity, value in (("participation_ratio", 16 - 10 * trained), ("two_nn", 9 - 3 * trained)):
                rows.append({**about, "quantity": quantity, "attribute": "", "value": value})
            for attribute in ("left", "eu", "all attitudes"):
                share = {
                    "value": 0.4 * trained + 0.02 * record.seed,
                    "control": -0.01,
                    "control_low": -0.02,
                    "control_high": 0.01,
                }
                rows.append({**about, "quantity": "variance_explained", "attribute": attribute, **share})
                rows.append({**about, "quantity": "variance_along", "attribute": attribute, **share})
    return pd.DataFrame(rows)


def test_the_readout_along_training(records):
    figure = geometry_by_epoch(geometry(records), records)
    assert len(figure.table) == 2 * 7 * 5
    assert "ratio from 16.0 to 6.0, variance explained by left from .01 to .41" in figure.sentence
    assert {"null_low", "null_high"} <= set(figure.table)
    assert png(figure, 0.5)


def test_layers_trained_beside_untrained(records):
    figure = geometry_by_layer(geometry(records), records)
    assert set(figure.table["series"]) == {"LightGCN", "LightGCN, untrained"}
    assert set(figure.table["layer"]) == {"0", "1", "2", "readout"}
    assert "variance explained by left at the layer readout: .21 in LightGCN" in figure.sentence
    assert png(figure, 0.5)


def test_nothing_to_compare_nothing_drawn(records):
    rows = geometry(records)
    assert geometry_by_epoch(pd.DataFrame(), records) is None
    assert geometry_by_layer(pd.DataFrame(), records) is None
    assert geometry_by_epoch(rows[rows["epoch"] == 16], records) is None
    assert geometry_by_layer(rows[rows["family"] == "mf"], records) is None
