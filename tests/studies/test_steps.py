"""What identifies a step: all that its result depends on, and nothing else."""

from dataclasses import replace

import pytest

from hemicycle.core.config import Options
from hemicycle.core.storage import Folder
from hemicycle.studies.steps import Cost, Step, closure


class Dim(Options):
    dim: int = 8


def nothing(work):
    """Do nothing."""


BASE = Step("fit", "fit mf", nothing, Dim())


@pytest.mark.parametrize(
    "change",
    [
        {"options": Dim(dim=9)},
        {"version": 2},
        {"threads": 2},
        {"workers": 2},
        {"kind": "probe"},
        {"inputs": {"graph": BASE}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_identity_depends_on(change):
    assert replace(BASE, **change).fingerprint != BASE.fingerprint


@pytest.mark.parametrize(
    "change",
    [{"title": "another"}, {"cost": Cost(99)}, {"then": lambda folder: []}, {"function": print}],
    ids=lambda change: next(iter(change)),
)
def test_identity_does_not_depend_on(change):
    assert replace(BASE, **change).fingerprint == BASE.fingerprint


def test_identity_depends_on_the_whole_ancestry():
    def last(dim):
        first = Step("data", "read", nothing, Dim(dim=dim))
        return Step("probe", "probe", nothing, Dim(), {"model": replace(BASE, inputs={"graph": first})})

    assert last(1).fingerprint != last(2).fingerprint
    assert last(1).fingerprint == last(1).fingerprint


def test_identity_depends_on_the_role_of_an_input_but_not_on_their_order():
    a, b = (Step("data", "read", nothing, Dim(dim=d)) for d in (1, 2))
    identities = [replace(BASE, inputs=i).fingerprint for i in ({"x": a, "y": b}, {"y": b, "x": a}, {"x": b, "y": a})]
    assert identities[0] == identities[1] != identities[2]


def test_work_is_given_folders_of_the_store(tmp_path):
    store, graph = Folder.at(tmp_path), Step("graph", "split", nothing, Dim())
    work = replace(BASE, inputs={"graph": graph}).work(store)
    assert work.inputs["graph"].uri == f"{tmp_path}/steps/graph/{graph.fingerprint}"
    assert work.out.name == replace(BASE, inputs={"graph": graph}).fingerprint
    assert work.group.rank == 0


def test_closure_puts_each_step_once_behind_what_it_builds_on():
    a = Step("a", "a", nothing, Dim())
    b = Step("b", "b", nothing, Dim(), {"a": a})
    c = Step("c", "c", nothing, Dim(), {"b": b, "a": a})
    assert [step.title for step in closure([c, a, replace(b, title="again")])] == ["a", "b", "c"]
