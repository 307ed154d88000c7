"""The step that looks for concepts in a record of a study."""

from hemicycle.core.storage import Folder
from hemicycle.studies.interpretation.concepts import ConceptOptions, concept_step, concept_steps
from hemicycle.studies.steps import Work
from hemicycle.studies.tables import records_of


def test_concepts_of_a_model_with_vectors(small_study, tmp_path):
    study, store = small_study
    steps = {step.title: step for step in study.outcome.steps.values()}
    records = {record.name: record for record in records_of(study.outcome, store)}
    inputs = {"data": next(s for s in steps.values() if s.kind == "data"), "model": steps["fit mf-s0"]}
    inputs["graph"] = steps["build and split the graph"]
    options = ConceptOptions(record={}, labels=("nominate_dim1", "party"), permutations=20)
    step = concept_steps(records["mf-s0"], "mf-s0", inputs, options)[0]
    concept_step(Work(step.options, {key: s.folder(store) for key, s in inputs.items()}, Folder.at(tmp_path)))
    rows = Folder.at(tmp_path).read_table("cav_results").to_pandas()
    assert set(rows["attribute"]) == {"nominate_dim1", "party"}
    assert rows[["stability", "stability_control", "rising", "rising_p"]].notna().all(axis=None)
    assert concept_steps(records["popularity-s0"], "popularity-s0", inputs, options) == []
