"""The data that cases work on."""

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hemicycle.bench import workloads
from hemicycle.bench.workloads import Size, graphs, load, workload
from hemicycle.core.errors import InputError


@pytest.fixture
def tiny_gowalla(monkeypatch):
    """A synthetic stand-in of a few edges."""
    monkeypatch.setitem(workloads.SYNTHETIC, "gowalla", Size(40, 30, 200, 50))


def test_edges_are_distinct_and_as_many_as_wanted(small):
    train, test = graphs(small.folder)
    assert (train.n_users, train.n_items, train.n_edges, test.n_edges) == (500, 300, 6000, 1000)
    both = np.concatenate([g.rows().astype(np.int64) * 300 + g.indices for g in (train, test)])
    assert len(np.unique(both)) == 7000


def test_the_adjacency_is_the_training_graph_s(small):
    adjacency = graphs(small.folder)[0].adjacency()
    pointers, indices = load(small.folder, "pointers", "indices")
    np.testing.assert_array_equal(pointers, adjacency.indptr)
    np.testing.assert_array_equal(indices, adjacency.indices)


def test_vectors_have_64_dimensions(small):
    assert [array.shape for array in load(small.folder, "users", "items")] == [(500, 64), (300, 64)]


def test_popular_items_are_spread_over_all_numbers(small):
    degrees = np.sort(graphs(small.folder)[0].item_degrees)
    assert degrees[-30:].sum() > 2.5 * degrees[:30].sum()


def test_a_workload_is_written_once_and_the_same_again(tmp_path, small):
    first = workload("small", tmp_path)
    assert first.about == small.about
    for name in ("train_users", "test_items", "users"):
        np.testing.assert_array_equal(load(first.folder, name)[0], load(small.folder, name)[0])
    stamp = (first.folder / "users.npy").stat().st_mtime_ns
    assert (workload("small", tmp_path).folder / "users.npy").stat().st_mtime_ns == stamp


@pytest.mark.usefixtures("tiny_gowalla")
def test_without_gowalla_a_random_graph_of_its_size_stands_in(tmp_path, monkeypatch):
    monkeypatch.delenv("HEMICYCLE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    about = workload("gowalla", tmp_path / "cache").about
    assert about == {"title": "synthetic (gowalla)", "users": 40, "items": 30, "train": 200, "test": 50}


@pytest.mark.usefixtures("tiny_gowalla")
def test_gowalla_itself_is_read_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "gowalla").mkdir()
    for part, users, items in (("train", [0, 1, 2], [3, 0, 1]), ("test", [0, 2], [4, 0])):
        pq.write_table(pa.table({"user": users, "item": items}), tmp_path / "gowalla" / f"{part}.parquet")
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))
    found = workload("gowalla", tmp_path / "cache")
    assert found.about == {"title": "Gowalla", "users": 3, "items": 5, "train": 3, "test": 2}
    assert graphs(found.folder)[1].indices.tolist() == [4, 0]


def test_a_workload_without_a_test_part_has_no_test_graph(tmp_path, monkeypatch):
    monkeypatch.setitem(workloads.SYNTHETIC, "small", dataclasses.replace(workloads.SYNTHETIC["small"], test=0))
    assert graphs(workload("small", tmp_path).folder)[1] is None


def test_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no workload 'movies'\n.*known: gowalla"):
        workload("movies", tmp_path)
