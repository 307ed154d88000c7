import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemicycle.core.errors import InputError
from hemicycle.data.columns import ID, TEXT, TableFile, blank_to_null, file_problems, ids_of, locate, numbers, seconds

RAW_IDS = st.sampled_from(["1", "1.0", " 1", "01", "a", "A", "a ", "2.50", "-3.0", "", "  "])


def canonical(raw):
    text = raw.strip()
    head, _, tail = text.partition(".")
    return head if tail and not tail.strip("0") and head.lstrip("-").isdigit() else text


@given(st.lists(st.lists(st.one_of(RAW_IDS, st.none()), min_size=1, max_size=5), min_size=1, max_size=4))
def test_ids_equal_a_plain_reference_over_chunks(chunks):
    expected = [canonical(raw) if raw is not None else "" for chunk in chunks for raw in chunk]
    plain = pa.chunked_array(chunks, pa.string())
    encoded = pa.chunked_array([pa.array(chunk, pa.string()).dictionary_encode() for chunk in chunks])
    for column in (plain, encoded):
        ids = ids_of(column)
        assert [ids.values[code] if code >= 0 else "" for code in ids.codes] == expected
        assert len(set(ids.values)) == len(ids.values)


def test_positions_in_an_order():
    ids = ids_of(pa.chunked_array([["b", "", "a", "b"]]))
    assert ids.at({"a": 0, "b": 1}).tolist() == [1, -1, 0, 1]
    assert ids.at({"a": 0}).tolist() == [-1, -1, 0, -1]


def test_empty_column_of_ids():
    assert ids_of(pa.chunked_array([], pa.string())).codes.tolist() == []


@given(st.lists(st.one_of(st.floats(allow_nan=False), st.sampled_from(["", "NA", "x", "1e3", " 7 "])), max_size=8))
def test_numbers_equal_a_plain_reference(raw):
    texts = [str(value) for value in raw]
    values, bad = numbers(pa.chunked_array([texts], pa.string()))
    for text, value, wrong in zip(texts, values, bad, strict=True):
        if text in ("", "NA"):
            assert math.isnan(value)
            assert not wrong
        elif text == "x":
            assert wrong
        else:
            assert value == float(text)


@pytest.mark.parametrize("column", [pa.array([True, None]), pa.array([1, None], pa.int8())])
def test_numbers_of_other_types(column):
    values, bad = numbers(pa.chunked_array([column]))
    assert values[0] == 1
    assert np.isnan(values[1])
    assert not bad.any()


def test_dates_are_no_numbers_but_times():
    column = pa.chunked_array([pa.array([86400], pa.timestamp("s")).cast(pa.date32())])
    assert seconds(column)[0].tolist() == [86400.0]


def test_blanks_are_missing():
    raw = pa.chunked_array([["NA", " n/a", "NaN", "null", "", "none", " x "]])
    assert blank_to_null(raw).to_pylist() == [None] * 5 + ["none", "x"]


def test_lines_are_counted_through_quoted_line_breaks_and_blank_lines():
    Path("t.csv").write_text('id,bio,x\n1,"two\nlines",5\n\n2,b,6\n3,c,7\n')
    file = TableFile(Path("t.csv"))
    table = file.read({"id": ID, "bio": TEXT})
    assert table["bio"].to_pylist() == ["two\nlines", "b", "c"]
    assert file.where("x", np.array([0, 1, 2])) == "t.csv:2,5,6 column 'x'"


def test_problem_only_when_there_is_one():
    Path("t.csv").write_text("x\n1\n2\n")
    file = TableFile(Path("t.csv"))
    assert file.problem("are odd", "x", np.array([False, False]), "r") == []
    (found,) = file.problem("are odd", "x", np.array([False, True]), "r")
    assert (found.what, found.where, found.remedy) == ("1 values are odd", "t.csv:3 column 'x'", "r")


def test_locate_expands_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "e.csv").write_text("x\n")
    assert locate("~/e.csv") == tmp_path / "e.csv"


def test_missing_files_once_each():
    assert len(file_problems(["a.csv", "a.csv", "b.csv"])) == 2
    with pytest.raises(InputError, match=r"\$HEMICYCLE_DATA"):
        locate("a.csv")
