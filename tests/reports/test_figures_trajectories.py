"""Politics appearing: small multiples, and what is learnt first, with sentences that their tables support."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.export import png
from hemicycle.reports.figures_trajectories import chosen_epochs, learning_epochs, politics_appears


@pytest.fixture
def records(make):
    return make.records(seeds=(0, 1))


def points(records, *, public=True):
    source, rows = np.random.default_rng(0), []
    value = np.r_[np.full(20, -1.0), np.full(20, 1.0)]
    for record in records.itertuples():
        for axes in ("pca", "supervised"):
            for epoch in record.epochs:
                frame = pd.DataFrame({"x": value * epoch + source.normal(size=40), "y": source.normal(size=40)})
                frame = frame.assign(
                    value=value, group=np.where(value > 0, "Republican", "Democrat"), n=1 if public else 12
                )
                about = {"record_id": record.id, "family": record.family, "seed": record.seed, "status": record.status}
                about |= {"axes": axes, "epoch": epoch, "layer": "readout", "attribute": "left", "residual": 0.1}
                about |= {"r2": epoch / 40 if axes == "supervised" else np.nan, "residual_reference": 0.2}
                names = [f"member {i}" if public else "" for i in range(40)]
                rows.append(frame.assign(entity_name=names, **about))
    return pd.concat(rows, ignore_index=True)


def test_one_seed_of_each_model_at_a_few_checkpoints(records):
    figure = politics_appears(points(records), records)
    assert set(figure.table["model"]) == {"MF", "LightGCN"}
    assert figure.table.groupby(["model", "axes"])["epoch"].nunique().tolist() == [6] * 4
    assert len(figure.table) == 40 * 6 * 4
    assert "in MF .00 at epoch 0" in figure.sentence
    assert png(figure, 0.5)


def test_people_who_are_not_public_have_no_column_of_names(records):
    figure = politics_appears(points(records, public=False), records)
    assert "entity_name" not in figure.table
    assert figure.table["n"].min() >= 10
    assert "entity_name" not in str(figure.chart.to_dict())


def test_maps_without_a_label_to_read_say_so(records):
    rows = points(records)
    figure = politics_appears(rows[rows["axes"] == "pca"], records)
    assert "left has no part in the axes" in figure.sentence


@pytest.mark.parametrize(("most", "wanted"), [(3, [0, 4, 16]), (2, [0, 16]), (9, [0, 1, 4, 8, 16])])
def test_few_epochs_in_their_order(most, wanted):
    assert chosen_epochs([16, 0, 1, 8, 4], most) == wanted


def test_probe_and_quality_on_one_time_line(make, records):
    figure = learning_epochs(make.probes(records), make.ranking(records), records)
    assert set(figure.table["target"]) == {"nominate_dim1", "nominate_dim2", "NDCG@20, validation"}
    assert set(figure.table["model"]) == {"MF", "LightGCN"}
    assert "in MF, nominate_dim1" in figure.sentence
    assert "before recommendations" in figure.sentence
    assert png(figure, 0.5)


def test_nothing_along_training_nothing_drawn(make, records):
    untrained = records[records["status"] == "untrained"]
    assert politics_appears(pd.DataFrame(), records) is None
    assert politics_appears(points(untrained), records) is None
    assert learning_epochs(pd.DataFrame(), make.ranking(records), records) is None
    assert learning_epochs(make.probes(records), pd.DataFrame(), records) is None


def test_without_groups_colours_are_the_attributes_values(records):
    plain = points(records).assign(group="")
    assert set(politics_appears(plain, records).table["group"]) == {"left -1", "left 1"}
    many = plain.assign(value=np.linspace(-1, 1, len(plain)))
    figure = politics_appears(many, records)
    assert set(figure.table["group"]) == {"no group"}
    assert '"field": "value", "scale": {"scheme": "blueorange"}' in figure.chart.to_json(indent=None)
