import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.feature_extraction.text import TfidfVectorizer

from hemicycle.core.errors import InputError
from hemicycle.data.assembly import Column, node_table
from hemicycle.data.schema import Dataset
from hemicycle.graphs.features import FeatureConfig, NodeFeatures, features, node_features
from hemicycle.graphs.texts import TextOptions, text_vectors

WORDS = ["impôt", "budget", "dette", "match", "but", "arbitre", "vaccin", "hôpital", "soin"]


def texts(n=90, seed=0):
    """Three subjects of three words each, in turn."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS[3 * (k % 3) : 3 * (k % 3) + 3], 6)) + " le la les" for k in range(n)]


def table(public=True, **columns):
    n = len(next(iter(columns.values()))[0])
    found = {name: Column(pa.array(values), role) for name, (values, role) in columns.items()}
    return node_table([f"n{k}" for k in range(n)], found, "items", public=public)


def vectors(nodes, entity="items", **config):
    return node_features(nodes, NodeFeatures(**config), entity)


@pytest.fixture(autouse=True)
def _key(monkeypatch, tmp_path):
    monkeypatch.setenv("HEMICYCLE_KEY", "a key for tests only")
    monkeypatch.chdir(tmp_path)


# -- texts -----------------------------------------------------------------------------------------------------------


def test_texts_of_one_subject_are_close_and_others_far():
    found = text_vectors(texts(), TextOptions(dims=3, stop_words=("french",)))
    assert found.shape == (90, 3)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    same = found[0::3] @ found[0::3].T
    other = found[0::3] @ found[1::3].T
    assert same.mean() > 0.95
    assert abs(other).mean() < 0.05


def test_inner_products_are_those_of_an_exact_decomposition():
    """The slow reference: the dense matrix of weights, its singular values, unit rows."""
    options = TextOptions(dims=4, ngrams=2, max_df=1.0)
    found = text_vectors(texts(40), options).astype(np.float64)
    weights = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(texts(40)).toarray()
    left, spread, _ = np.linalg.svd(weights, full_matrices=False)
    exact = left[:, :4] * spread[:4]
    exact /= np.linalg.norm(exact, axis=1, keepdims=True)
    np.testing.assert_allclose(found @ found.T, exact @ exact.T, atol=1e-4)


def test_same_texts_same_bits_and_signs_do_not_hang_on_the_seed():
    one, two, other = (text_vectors(texts(), TextOptions(dims=3, seed=seed)) for seed in (0, 0, 7))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_empty_texts_are_zero_and_dims_shrink_to_what_there_is():
    found = text_vectors(["a b", "", "bb cc", "cc bb dd", "dd"], TextOptions(dims=50, min_df=1))
    assert found.shape == (5, 3)
    assert not found[[0, 1]].any()


def test_stop_words_leave_no_trace():
    silent = [text.replace(" le la les", "") for text in texts()]
    options = TextOptions(dims=3, stop_words=("french", "english"))
    np.testing.assert_array_equal(text_vectors(silent, options), text_vectors(texts(), options))


def test_no_term_left_says_how_many_are_empty():
    with pytest.raises(InputError, match="2 texts \\(1 are empty\\)") as caught:
        text_vectors(["un deux", "", "trois quatre"], TextOptions())
    assert "min_df" in caught.value.problems[0].remedy


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*WORDS, ""]), max_size=5), min_size=1, max_size=12))
def test_rows_have_length_one_or_zero(words):
    lines = [" ".join(line) for line in words]
    if any(line.strip() for line in lines):
        lengths = np.linalg.norm(text_vectors(lines, TextOptions(dims=4, min_df=1)), axis=1)
        assert np.all((np.abs(lengths - 1) < 1e-4) | (lengths == 0))


def test_twenty_thousand_texts_take_seconds():
    start = time.process_time()
    text_vectors(texts(20_000), TextOptions(dims=8))
    assert time.process_time() - start < 15


# -- columns ---------------------------------------------------------------------------------------------------------


def test_numbers_are_standardised_and_missing_ones_told():
    found = vectors(table(age=([1.0, None, 3.0], "covariate")), columns=["age"])
    np.testing.assert_allclose(found, [[-1.2247449, 0], [0, 1], [1.2247449, 0]], rtol=1e-6)
    with pytest.raises(InputError, match="1 of 3 values are missing"):
        vectors(table(age=([1.0, None, 3.0], "covariate")), columns=["age"], missing="refuse")


def test_categories_are_one_hot_and_rare_ones_grouped():
    nodes = table(topic=(["b", "a", "a", "b", "rare", "odd", None], "covariate"), same=([2] * 7, "other"))
    expected = [[0, 1, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    np.testing.assert_array_equal(vectors(nodes, columns=["topic", "same"], rare=2)[:, :4], expected)
    assert not vectors(nodes, columns=["same"]).any()


def test_labels_and_groups_are_refused_together_unless_meant():
    nodes = table(left_right=([0.1, 0.2], "label"), party=(["a", "b"], "group"))
    with pytest.raises(InputError, match="'left_right' is a label") as caught:
        vectors(nodes, columns=["left_right", "party"])
    assert [p.remedy.rsplit(" ", 2)[1] for p in caught.value.problems] == ["allow_labels:", "allow_groups:"]
    found = vectors(nodes, columns=["left_right", "party"], allow_labels=True, allow_groups=True, rare=1)
    np.testing.assert_allclose(found, [[-1, 1, 0], [1, 0, 1]], rtol=1e-6)


def test_texts_of_people_are_not_kept_and_the_message_says_so():
    with pytest.raises(InputError, match="by design not kept") as caught:
        vectors(table(public=False, bio=(["x y"], "text"), age=([3], "covariate")), text="bio")
    assert "'file'" in caught.value.problems[0].remedy
    with pytest.raises(InputError, match="there are: id, age"):
        vectors(table(age=([3], "covariate")), columns=["nope"])


@pytest.mark.parametrize(("values", "match"), [([None, None], "every value is missing"), ([[1], [2]], "neither")])
def test_columns_that_cannot_be_used(values, match):
    kind = pa.float64() if values[0] is None else None
    with pytest.raises(InputError, match=match):
        vectors(table(odd=(pa.array(values, kind), "other")), columns=["odd"])


# -- vectors ---------------------------------------------------------------------------------------------------------


def test_vectors_of_a_column_with_a_missing_one():
    found = vectors(table(v=([[1.0, 2.0], None, [3.0, 6.0]], "other")), vectors="v")
    np.testing.assert_array_equal(found, [[1, 2, 0], [2, 4, 1], [3, 6, 0]])


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ([[1.0], [1.0, 2.0], [3.0]], "2 different lengths, 1 unlike most"),
        ([[1.0], [float("nan")], [None]], "2 of 3 vectors hold NaN"),
        (pa.array([[], [], []], pa.list_(pa.float32())), "empty"),
        ([None, None, None], "not lists"),
        ([["a"], ["b"], []], "not lists of numbers"),
        ([1.0, 2.0, 3.0], "holds double"),
    ],
)
def test_vectors_that_cannot_be_used(values, match):
    with pytest.raises(InputError, match=match):
        vectors(table(v=(values, "other")), vectors="v")


@pytest.mark.parametrize("public", [True, False])
def test_a_file_of_vectors_is_matched_by_raw_ids(tmp_path, public):
    nodes = table(public=public, age=([1, 2, 3], "covariate"))
    pq.write_table(pa.table({"key": ["n2", "n0", "zz"], "emb": [[3.0], [1.0], [9.0]]}), tmp_path / "v.parquet")
    found = vectors(nodes, file="v.parquet", id="key", vector="emb")
    np.testing.assert_array_equal(found, [[1, 0], [2, 1], [3, 0]])
    assert FeatureConfig(items=NodeFeatures(file="v.parquet")).files() == [tmp_path / "v.parquet"]


def test_a_file_may_hold_pseudonyms(tmp_path):
    nodes = table(public=False, age=([1, 2, 3], "covariate"))
    pq.write_table(pa.table({"id": nodes["id"], "vector": [[1.0], [2.0], [3.0]]}), tmp_path / "v.parquet")
    np.testing.assert_array_equal(vectors(nodes, file="v.parquet"), [[1], [2], [3]])


@pytest.mark.parametrize(
    ("ids", "config", "match"),
    [
        (["x", "y"], {}, "none of its 2 ids is one of the 2 items"),
        (["n0", "n0"], {}, "1 ids stand more than once"),
        (["n0", "n1"], {"id": "nope"}, "no column 'nope'; there are: id, vector"),
        (["n0", "n1"], {"file": "other.parquet"}, r"no file 'other.parquet'; near names"),
        (["n0", "n1"], {"file": "odd.parquet"}, "not a parquet file"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, ids, config, match):
    pq.write_table(pa.table({"id": ids, "vector": [[1.0], [2.0]]}), tmp_path / "another.parquet")
    (tmp_path / "odd.parquet").write_text("id,vector")
    with pytest.raises(InputError, match=match):
        vectors(table(age=([1, 2], "covariate")), **{"file": "another.parquet", **config})


# -- the whole -------------------------------------------------------------------------------------------------------


def test_blocks_stand_side_by_side():
    nodes = table(text=(texts(30), "text"), size=(list(range(30)), "covariate"), v=([[1.0, 2.0]] * 30, "other"))
    data = Dataset("news", table(age=([1, 2], "covariate")), nodes)
    found = features(data, FeatureConfig(items=NodeFeatures(text="text", dims=3, columns=["size"], vectors="v")))
    assert (found.users, found.items.shape, found.items.dtype) == (None, (30, 6), np.float32)
    assert np.isfinite(found.items).all()


def test_items_are_asked_for_where_there_are_none():
    data = Dataset("friends", table(age=([1, 2], "covariate")), None)
    with pytest.raises(InputError, match="no items"):
        features(data, FeatureConfig(items=NodeFeatures(columns=["age"])))
    with pytest.raises(ValidationError, match="nothing is named"):
        NodeFeatures()
