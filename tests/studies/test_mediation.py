"""Simulations of a study: societies like the data, arms paired by seed, mediators trained on follows."""

import numpy as np
import pyarrow as pa
import pytest

from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.data.voteview import Voteview
from hemicycle.studies.config import MediatedSimulation, SocietyConfig, StudyConfig
from hemicycle.studies.mediation import arms_of, simulation_steps, society_step
from hemicycle.studies.plan import data_step_of
from hemicycle.studies.steps import Work, closure

ARMS = ["none", {"exposure": "random", "k": 3}, {"exposure": "recommended", "k": 3}]
TALK = {"opinions": ["friedkin_johnsen", "bounded_confidence"], "arms": ARMS, "mediators": {"a": {"model": "mf"}}}


def study(**values):
    base = {"name": "x", "data": {"source": "voteview"}, "society": {"users": 50}}
    return StudyConfig.model_validate(base | {"simulations": {"talk": TALK | {"seeds": 2}}} | values)


def steps_of(config):
    return simulation_steps(config, data_step_of(config))


def test_one_simulation_step_a_seed_with_a_society_of_its_own():
    first, second = steps_of(study())
    assert [step.title for step in (first, second)] == ["simulate talk 0", "simulate talk 1"]
    assert set(first.inputs) == {"society", "graph", "mediator a"}
    for name in first.inputs:
        assert first.inputs[name].fingerprint != second.inputs[name].fingerprint


def test_two_simulations_share_societies_and_mediators():
    two = {"one": TALK | {"seeds": 1}, "two": TALK | {"seeds": 1, "steps": 7}}
    kinds = [step.kind for step in closure(steps_of(study(simulations=two)))]
    assert sorted(kinds) == ["graph", "mediator", "simulate", "simulate", "society"]


def test_data_are_read_only_where_positions_come_from_them():
    assert "data" not in {step.kind for step in closure(steps_of(study()))}
    drawn = study(society={"users": 50, "positions_from": ["nominate_dim1"]})
    assert "data" in {step.kind for step in closure(steps_of(drawn))}


def test_a_recommended_arm_has_a_run_for_each_mediator():
    one = arms_of(MediatedSimulation.model_validate(TALK), 4)
    assert [(run.opinion.label, run.arm.label, mediator) for run, mediator in one if mediator] == [
        ("friedkin_johnsen", "recommended", "a"),
        ("bounded_confidence", "recommended", "a"),
    ]
    assert {run.seed for run, _ in one} == {4}
    mediators = {"a": {"model": "mf"}, "b": {"model": "lightgcn"}}
    two = arms_of(MediatedSimulation.model_validate(TALK | {"mediators": mediators}), 0)
    assert {run.arm.label for run, mediator in two if mediator} == {"recommended by a", "recommended by b"}


def test_an_arm_may_choose_among_mediators():
    arms = ["none", {"exposure": "recommended", "model": "lightgcn"}]
    mediators = {"a": {"model": "mf"}, "b": {"model": "lightgcn"}}
    found = arms_of(MediatedSimulation.model_validate(TALK | {"mediators": mediators, "arms": arms}), 0)
    assert {mediator for _, mediator in found} == {"", "b"}


# -- societies -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def senate(tmp_path_factory):
    folder = Folder.at(tmp_path_factory.mktemp("senate"))
    Voteview(Voteview.Config()).read().write(folder)
    return folder


def made(senate, out, **options):
    config = SocietyConfig(**{"users": 400, "follows": {"per_user": 8}, "items": 0, **options})
    society_step(Work(config, {"data": senate}, Folder.at(out)))
    return Dataset.read(Folder.at(out))


def positions(dataset):
    label = next(name for name in dataset.users.column_names if name.startswith("attitude"))
    return dataset.users[label].to_numpy()


def test_positions_are_distributed_like_those_of_the_data(senate, tmp_path):
    society = made(senate, tmp_path, positions_from=["nominate_dim1"], groups_from="party")
    real = Dataset.read(senate).users["nominate_dim1"].to_numpy()
    drawn = positions(society)
    assert society.users.num_rows == 400
    assert real.min() <= drawn.min() < drawn.max() <= real.max()
    np.testing.assert_allclose(np.quantile(drawn, [0.25, 0.5, 0.75]), np.quantile(real, [0.25, 0.5, 0.75]), atol=0.12)


def test_people_without_a_position_are_left_out(senate, tmp_path):
    dataset = Dataset.read(senate)
    values = dataset.users["nominate_dim1"].to_pylist()
    values[:30] = [None] * 30
    index = dataset.users.column_names.index("nominate_dim1")
    gaps = dataset.users.set_column(index, dataset.users.schema.field(index), pa.chunked_array([values]))
    other = Folder.at(tmp_path / "gaps")
    Dataset(dataset.name, gaps, dataset.items, dataset.relations, dataset.public).write(other)
    assert np.isfinite(positions(made(other, tmp_path / "out", positions_from=["nominate_dim1"]))).all()


def test_a_synthetic_society_needs_no_data(tmp_path):
    config = SocietyConfig(users=60, follows={"per_user": 5}, items=0)
    society_step(Work(config, {}, Folder.at(tmp_path)))
    assert Dataset.read(Folder.at(tmp_path)).users.num_rows == 60


def test_seeds_make_societies_that_differ(senate, tmp_path):
    options = {"positions_from": ["nominate_dim1"], "groups_from": "party"}
    a, b, c = (
        positions(made(senate, tmp_path / str(i), **options, opinion_seed=seed)) for i, seed in enumerate((0, 0, 1))
    )
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


# -- what is simulated -----------------------------------------------------------------------------------------------


def test_arms_start_alike_and_part_afterwards(small_study):
    table = small_study[0].tables["simulation_results"]
    wide = table[table["metric"] == "variance"].pivot_table(index=["seed", "step"], columns="arm", values="value")
    start, end = wide.xs(0, level="step"), wide.xs(3, level="step")
    np.testing.assert_allclose(start["random"], start["none"])
    np.testing.assert_allclose(start["recommended"], start["none"])
    assert (abs(end["recommended"] - end["none"]) > 0).all()
    assert start["none"].nunique() == 2


def test_contrasts_are_paired_by_seed(small_study):
    table = small_study[0].tables["simulation_contrasts"]
    assert set(table["reference"]) == {"none"}
    assert set(table["n_seeds"]) == {2}
    assert set(table["step"]) == {3}
