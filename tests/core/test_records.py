import json
from dataclasses import asdict

import pytest

from hemicycle.core.records import ModelRecord, record_id

RECORD = ModelRecord(
    id=record_id(config={"model": "mf"}, seed=1),
    name="mf-s1",
    family="mf",
    seed=1,
    status="trained",
    config={"model": "mf", "dim": 8},
    folder="s3://bucket/mf-s1",
    layers=("0", "readout"),
    epochs=(0, 5),
    best_epoch=5,
    metrics={"ndcg@20": 0.25},
)


def test_a_record_survives_json():
    assert ModelRecord.from_json(json.loads(json.dumps(RECORD.to_json()))) == RECORD


def test_columns_of_a_later_version_are_left_out_and_missing_ones_take_their_defaults():
    value = {key: RECORD.to_json()[key] for key in ("id", "name", "family", "seed", "status")}
    read = ModelRecord.from_json(value | {"colour": "red"})
    assert "colour" not in asdict(read)
    assert (read.layers, read.epochs, read.metrics, read.parent) == ((), (), {}, "")


def test_a_record_cannot_be_changed():
    with pytest.raises(AttributeError):
        RECORD.seed = 2


def test_an_id_depends_on_every_part_and_on_no_order():
    assert record_id(a=1, b="x") == record_id(b="x", a=1)
    assert len({record_id(a=1), record_id(a=2), record_id(b=1), record_id(a="1"), record_id(a=1, b=None)}) == 5
    assert len(RECORD.id) == 32
