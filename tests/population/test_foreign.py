"""Models that somebody else trained: what is taken in, what is refused and where the message points."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.records import READOUT
from hemicycle.core.storage import Folder
from hemicycle.population.foreign import (
    ForeignConfig,
    foreign_embedding,
    foreign_kind,
    foreign_lists,
    ingest_embeddings,
    ingest_lists,
    listed_users,
)

USERS = ["a", "b", "c"]
ITEMS = ["x", "y"]


@pytest.fixture
def out(tmp_path):
    return Folder.at(tmp_path / "out")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "theirs.parquet"


def vectors(path, out, alias=list, **columns):
    pd.DataFrame({"id": USERS, "vector": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]} | columns).to_parquet(path)
    return ingest_embeddings(ForeignConfig(embeddings=path), USERS, alias, out)


def lists(path, out, **columns):
    base = {"user": ["a", "a", "c"], "item": ["y", "x", "x"], "rank": [1, 2, 1]}
    pd.DataFrame(base | columns).to_parquet(path)
    ingest_lists(ForeignConfig(lists=path), (USERS, ITEMS), (list, list), out)


# -- embeddings ------------------------------------------------------------------------------------------------------


def test_vectors_are_laid_on_the_users_of_the_data(path, out):
    about = vectors(path, out, id=["c", "stranger", "a"])
    assert about == {"layers": [READOUT], "epochs": [0]}
    found = foreign_embedding(out, READOUT, 0).users
    np.testing.assert_array_equal(found[[0, 2]], [[4, 5], [0, 1]])
    assert np.isnan(found[1]).all()


def test_ids_are_compared_behind_their_pseudonyms(path, out):
    pd.DataFrame({"id": [2, 1], "vector": [[1.0], [2.0]]}).to_parquet(path)

    def alias(ids):
        return [f"secret {value}" for value in ids]

    ingest_embeddings(ForeignConfig(embeddings=path), ["secret 1", "secret 2"], alias, out)
    np.testing.assert_array_equal(foreign_embedding(out, READOUT, 0).users, [[2], [1]])


def test_missing_ids_are_left_out(path, out):
    vectors(path, out, id=["a", None, "b"])
    assert np.isnan(foreign_embedding(out, READOUT, 0).users[2]).all()


def test_layers_and_epochs_are_kept_apart(path, out):
    about = vectors(path, out, id=["a", "a", "a"], layer=[0, 0, 0], epoch=[3, 1, 2])
    assert about == {"layers": ["0"], "epochs": [1, 2, 3]}
    assert foreign_embedding(out, "0", 3).users[0].tolist() == [0, 1]
    assert foreign_embedding(out, READOUT, 3) is None


def test_other_column_names(path, out):
    pd.DataFrame({"account": USERS, "v": [[1.0]] * 3}).to_parquet(path)
    ingest_embeddings(ForeignConfig(embeddings=path, id="account", vector="v"), USERS, list, out)
    assert foreign_embedding(out, READOUT, 0).users.shape == (3, 1)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": ["p", "q", "r"]}, r"column 'id': none of its ids is in the data"),
        ({"id": ["a", "a", "b"]}, "1 ids have more than one vector"),
        ({"vector": [[1.0], [1.0, 2.0], [1.0]]}, "vectors of 2 different lengths"),
        ({"vector": [[1.0], None, [1.0]]}, "vectors of 2 different lengths"),
        ({"vector": [[1.0], [np.nan], [np.inf]]}, "2 vectors hold NaN or infinity"),
        ({"vector": [[], [], []]}, "column 'vector': holds lists of null"),
        ({"vector": [1.0, 2.0, 3.0]}, "column 'vector': holds double, not lists"),
        ({"vector": [["a"], ["b"], ["c"]]}, "column 'vector': holds lists of string"),
        ({"epoch": [1.0, None, 2.0]}, "column 'epoch': not a whole number"),
        ({"layer": ["a/b", "a", "a"]}, "column 'layer': has names that cannot be used"),
        ({"layer": [None, "a", "a"]}, "column 'layer': has names"),
        ({"layer": ["0", "0", "1"], "epoch": [1, 2, 1]}, "no vectors of layer 1 at epoch 2"),
    ],
)
def test_bad_vectors_are_refused_by_file_and_column(path, out, columns, message):
    with pytest.raises(InputError, match=message) as caught:
        vectors(path, out, **columns)
    assert str(path) in str(caught.value)
    assert all(problem.remedy for problem in caught.value.problems)
    assert not any(f"'{name}'" in problem.what for problem in caught.value.problems for name in USERS)


# -- lists -----------------------------------------------------------------------------------------------------------


def test_lists_become_scores_that_fall_with_the_rank(path, out):
    lists(path, out)
    scores = foreign_lists(out, 2)(np.array([0, 1, 2]))
    np.testing.assert_allclose(scores, [[0.5, 1.0], [0, 0], [1.0, 0]])
    assert listed_users(out).tolist() == [True, False, True]
    assert foreign_lists(Folder.at(out.uri + "-none"), 2) is None


def test_ranks_need_not_start_at_one_nor_be_sorted(path, out):
    lists(path, out, user=["a", "a", "a"], item=["x", "y", "stranger"], rank=[30, 20, 10])
    np.testing.assert_allclose(foreign_lists(out, 2)(np.array([0])), [[0.5, 1.0]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user": ["p", "q", "r"]}, "column 'user': none of its ids"),
        ({"item": ["p", "q", "r"]}, "column 'item': none of its ids"),
        ({"user": ["a", "p", "q"], "item": ["p", "x", "x"]}, "no row has both"),
        ({"rank": ["first", "second", "first"]}, "column 'rank': not a whole number"),
        ({"rank": [1, None, 1]}, "column 'rank': not a whole number"),
    ],
)
def test_bad_lists_are_refused_by_file_and_column(path, out, columns, message):
    with pytest.raises(InputError, match=message) as caught:
        lists(path, out, **columns)
    assert str(path) in str(caught.value)


# -- files -----------------------------------------------------------------------------------------------------------


def test_a_file_is_told_by_its_columns(path, out):
    vectors(path, out)
    assert foreign_kind(path) == "embeddings"
    lists(path, out)
    assert foreign_kind(path) == "lists"
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(InputError, match="columns a: neither vectors nor lists"):
        foreign_kind(path)


def test_files_that_cannot_be_read(path, out):
    config = ForeignConfig(embeddings=path)
    with pytest.raises(InputError, match="there is no file"):
        ingest_embeddings(config, USERS, list, out)
    path.write_text("id,vector\n")
    with pytest.raises(InputError, match="not a parquet file"):
        ingest_embeddings(config, USERS, list, out)
    pd.DataFrame({"id": USERS, "v": [[1.0]] * 3}).to_parquet(path)
    with pytest.raises(InputError, match="column 'vector' is missing; there are: id, v"):
        ingest_embeddings(config, USERS, list, out)


def test_either_vectors_or_lists(path):
    for given in ({}, {"embeddings": path, "lists": path}):
        with pytest.raises(ValueError, match="either embeddings or lists"):
            ForeignConfig(**given)
