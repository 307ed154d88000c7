"""Corrected p-values against statsmodels."""

from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from hemicycle.probes.multiplicity import FAMILY, adjust, benjamini_hochberg, holm


@pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_equal_statsmodels(ours, theirs, values):
    p = np.array(values)
    with mock.patch("gc.collect"):  # which it calls every time
        expected = multipletests(p, method=theirs)[1]
    np.testing.assert_allclose(ours(p), expected, rtol=1e-12, atol=1e-300)


def test_undefined_values_do_not_count():
    np.testing.assert_array_equal(holm(np.array([0.01, np.nan, 0.02])), [0.02, np.nan, 0.02])


def table(p, **columns):
    rows = [{"attribute": f"a{i}", "p_value": value, "entity": "user"} for i, value in enumerate(p)]
    frame = pd.DataFrame([row | {"control": c} for row in rows for c in ("permuted", "party")])
    return frame.assign(**dict.fromkeys(FAMILY, "x") | columns)


def test_a_score_counts_once_however_many_controls_it_has():
    found = adjust(table([0.01, 0.04, 0.03]))
    assert found["p_holm"].tolist() == pytest.approx([0.03, 0.03, 0.06, 0.06, 0.06, 0.06])
    assert found["p_bh"].tolist() == pytest.approx([0.03, 0.03, 0.04, 0.04, 0.04, 0.04])


def test_layers_and_probes_are_families_of_their_own_and_again_changes_nothing():
    whole = pd.concat([table([0.01, 0.04], layer="a"), table([0.5], layer="b"), table([0.02], epoch=None)])
    found = adjust(whole)
    assert found["p_holm"].tolist() == pytest.approx([0.02, 0.02, 0.04, 0.04, 0.5, 0.5, 0.02, 0.02])
    pd.testing.assert_frame_equal(adjust(found), found)


def test_no_rows():
    assert adjust(table([0.1]).iloc[:0]).empty
