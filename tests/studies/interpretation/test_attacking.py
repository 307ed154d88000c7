"""The step that attacks a record of a study: its vectors and its lists."""

import pytest

from hemicycle.core.storage import Folder
from hemicycle.probes.attacks import AttackConfig
from hemicycle.studies.interpretation.attacking import AttackOptions, attack_step, attack_steps
from hemicycle.studies.steps import Step, Work
from hemicycle.studies.tables import records_of

LIGHT = {"known": (0.5,), "labels": ("nominate_dim1",), "draws": 1, "replicates": 100}
ATTACKS = tuple(AttackConfig(reads=reads, **LIGHT) for reads in ("vectors", "lists"))


@pytest.fixture
def attacked(small_study, tmp_path):
    """Rows of attacks on a member of the small study, by its name."""
    study, store = small_study
    steps = {step.title: step for step in study.outcome.steps.values()}
    records = {record.name: record for record in records_of(study.outcome, store)}

    def run(name):
        inputs = {"data": next(s for s in steps.values() if s.kind == "data"), "model": steps[f"fit {name}"]}
        inputs["graph"] = steps["build and split the graph"]
        step = attack_steps(records[name], name, inputs, AttackOptions(record={}, attacks=ATTACKS))[0]
        assert isinstance(step, Step)
        assert step.kind == "attack"
        out = Folder.at(tmp_path / name)
        attack_step(Work(step.options, {key: s.folder(store) for key, s in inputs.items()}, out))
        return out.read_table("attack_results").to_pandas()

    return run


def test_vectors_and_lists_of_a_model_are_attacked(attacked):
    rows = attacked("mf-s0")
    assert set(rows["reads"]) == {"vectors", "lists"}
    assert set(rows["layer"]) == {"readout", "lists"}
    assert set(rows["control"]) == {"covariates", "majority"}
    assert (rows["n_known"] + rows["n_hidden"]).nunique() == 1
    assert rows["score"].notna().all()


def test_a_model_without_vectors_is_attacked_by_its_lists(attacked):
    assert set(attacked("popularity-s0")["reads"]) == {"lists"}
