"""What steps are expected to take, and what is refused because of it."""

import pytest

from hemicycle.core.storage import Folder
from hemicycle.data.voteview import Voteview
from hemicycle.studies.costs import Size, misfits, total
from hemicycle.studies.models import FitOptions
from hemicycle.studies.simulated import MediatedSimulation
from hemicycle.studies.steps import Cost, Step


def step(title="a", **cost):
    options = FitOptions(recommender="popularity")
    return Step("fit", title, print, options, cost=Cost(**cost))


def fit(size=None, train=None, **recommender):
    size = size or Size(1000, 2000, 50_000)
    return size.fit(FitOptions(recommender={"model": "lightgcn", **recommender}, train=train or {}))


def test_the_size_of_a_graph():
    dataset = Voteview(Voteview.Config()).read()
    size = Size.of(dataset, dataset.relations["votes"])
    assert (size.users, size.items) == (dataset.users.num_rows, dataset.items.num_rows)
    assert size.edges == dataset.relations["votes"].table.num_rows
    assert size.nodes == size.users + size.items


def test_larger_work_costs_more():
    base = fit()
    assert fit(dim=128).memory > base.memory
    assert fit(train={"epochs": 600}).seconds > 5 * base.seconds
    assert fit(Size(1000, 2000, 500_000)).seconds > 5 * base.seconds
    assert fit(train={"keep": "all"}).disk > base.disk
    assert fit(layers=4).seconds > base.seconds
    size = Size(1000, 10, 10)
    assert size.probe(8, 1).seconds > size.probe(1, 1).seconds


def test_a_total_adds_time_and_disk_and_takes_the_largest_memory():
    found = total([step(seconds=1, memory=2, disk=3), step(seconds=10, memory=1, disk=30)])
    assert (found.seconds, found.memory, found.disk) == (11, 2, 33)
    assert total([]) == Cost(0, 0, 0)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(Folder, "free_bytes", lambda _: 10e9)
    return Folder.at(tmp_path)


def test_what_fits_is_not_refused(store):
    assert misfits([step(memory=1e9, disk=1e9)] * 2, store, 2, 2e9) == []
    assert misfits([], store, 2, 0.0) == []


def test_steps_at_a_time_share_the_memory(store):
    steps = [step(memory=1e9), step("fit big", memory=2e9), step(memory=1e9)]
    (problem,) = misfits(steps, store, 2, 2.5e9)
    assert "3.0 GB of memory needed (most for: fit big), 2.5 GB available" in problem.what
    assert "smaller dim" in problem.remedy
    assert misfits(steps, store, 1, 2.5e9) == []
    assert misfits(steps, store, 100, None) == []


def test_the_disk_must_hold_everything_with_a_margin(store):
    (problem,) = misfits([step(disk=5e9), step(disk=4e9)], store, 1, None)
    assert "10.8 GB needed, 10.0 GB free" in problem.what
    assert store.uri in problem.where
    assert "--store" in problem.remedy


def test_an_object_store_has_no_end(store, monkeypatch):
    monkeypatch.setattr(Folder, "free_bytes", lambda _: None)
    assert misfits([step(disk=1e18)], store, 1, None) == []


def simulated(*opinions, **values):
    arm = {"exposure": "recommended", "k": 3, "refresh": 5, **values.pop("arm", {})}
    talk = {"opinions": opinions or ["bounded_confidence"], "arms": ["none", arm], "steps": 20, **values}
    mediators = {"mediators": {"mf": {"model": "mf", "dim": 8}}}
    return Size(3000, 3000, 60_000).simulate(MediatedSimulation(**talk, **mediators), 2).seconds


def test_a_simulation_costs_what_it_does_beside_moving():
    base = simulated()
    assert simulated(steps=200) > 5 * base
    assert simulated(conduct={"accept": 0.1}) > base
    assert simulated(knowledge={}) > base
    assert simulated(arm={"update": "retrain"}) > simulated(arm={"update": "retrain", "retrain": {"epochs": 1}}) > base
    assert simulated(arm={"strength": 0}) < base
    assert simulated("deffuant") < simulated("deffuant", "bounded_confidence") < base
