"""A population as a table with lazy vectors."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.population import population as module
from hemicycle.population.population import RECORD_SCHEMA, Population, read_records, write_records
from hemicycle.studies.tables import records_of


@pytest.fixture(scope="module")
def people(small_study):
    study, store = small_study
    graph = next(s for s in study.outcome.steps.values() if s.title == "build and split the graph")
    return Population(store, graph.folder(store), tuple(records_of(study.outcome, store)))


def names(population):
    return [record.name for record in population]


def test_records_are_found_by_name_or_id(people):
    record = people["mf-s0"]
    assert people[record.id] is record
    with pytest.raises(InputError, match=r"no model 'mg'[\s\S]*there are: mf-s0"):
        people["mg"]


def test_records_are_chosen_by_values_and_conditions(people):
    assert names(people.where(family="mf")) == ["mf-s0", "mf-s0-untrained"]
    assert names(people.where(family="mf", status="trained")) == ["mf-s0"]
    assert names(people.where(lambda r: not r.layers)) == ["popularity-s0"]
    assert len(people.where(seed=9)) == 0


def test_groups_keep_every_record_once(people):
    groups = people.group_by("status")
    assert list(groups) == ["trained", "untrained"]
    assert sum(len(group) for group in groups.values()) == len(people) == 3


def test_vectors_come_when_asked_for(people, monkeypatch):
    record = people["mf-s0"]
    best, start = people.embedding(record), people.embedding(record, epoch=0)
    assert best.users.shape == (people.train.n_users, 4)
    assert best.items.shape == (people.train.n_items, 4)
    assert (best.users != start.users).any()
    np.testing.assert_array_equal(start.users, people.embedding(people["mf-s0-untrained"]).users)
    monkeypatch.setattr(module, "recommender_of", lambda _: pytest.fail("built"))
    people.to_table()


def test_scores_are_those_of_the_checkpoint(people):
    record, everyone = people["mf-s0"], np.arange(people.train.n_users)
    best, start = people.scores(record), people.scores(record, epoch=0)
    np.testing.assert_array_equal(best(np.array([3, 0])), best(everyone)[[3, 0]])
    assert best(everyone).shape == (people.train.n_users, people.train.n_items)
    assert (best(everyone) != start(everyone)).any()


def test_a_model_without_vectors_has_scores(people):
    record = people["popularity-s0"]
    assert people.embedding(record) is None
    assert people.scores(record)(np.arange(2)).shape == (2, people.train.n_items)


def test_the_table_has_a_row_a_record_and_no_vectors(people):
    table = people.to_table()
    assert table.schema.equals(RECORD_SCHEMA)
    assert table["name"].to_pylist() == names(people)
    assert '"dim": 4' in table["config"].to_pylist()[0]


def test_records_are_read_back(people, tmp_path):
    folder = people.store.at(tmp_path)
    write_records(folder, people)
    assert tuple(read_records(folder)) == people.records
