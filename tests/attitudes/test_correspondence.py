import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from hemicycle.attitudes import correspondence as module
from hemicycle.attitudes.correspondence import correspondence
from hemicycle.attitudes.gram import gram
from hemicycle.core.errors import InputError


def table(n, m, density, seed=0):
    """Random counts without empty rows or columns."""
    random = np.random.default_rng(seed)
    counts = (random.random((n, m)) < density) * random.integers(1, 4, (n, m)).astype(float)
    counts[np.arange(n), np.arange(n) % m] = 1
    counts[np.arange(m) % n, np.arange(m)] = 1
    return counts


def literal(counts, dims):
    """Greenacre (2017), appendix A, line by line on the dense table."""
    p = counts / counts.sum()
    r, c = p.sum(axis=1), p.sum(axis=0)
    s = np.diag(r**-0.5) @ (p - np.outer(r, c)) @ np.diag(c**-0.5)
    u, values, v = np.linalg.svd(s, full_matrices=False)
    rows, columns = np.diag(r**-0.5) @ u * values, np.diag(c**-0.5) @ v.T * values
    return values[:dims], rows[:, :dims], columns[:, :dims], float((s**2).sum())


def same_up_to_sign(found, wanted):
    signs = np.sign((found * wanted).sum(axis=0))
    np.testing.assert_allclose(found * signs, wanted, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(5, 25), m=st.integers(5, 25), density=st.floats(0.05, 0.9), seed=st.integers(0, 99))
def test_singular_values_equal_the_dense_reference(n, m, density, seed):
    counts = table(n, m, density, seed)
    values, _, _, inertia = literal(counts, 2)
    if values[1] < 1e-3 * values[0]:
        return
    found = correspondence(sp.csr_array(counts), 2)
    np.testing.assert_allclose(found.singular_values, values, atol=1e-9)
    assert found.total_inertia == pytest.approx(inertia)


@pytest.mark.parametrize("shape", [(60, 14), (14, 60)])
def test_coordinates_equal_the_dense_reference(shape):
    counts = table(*shape, 0.3)
    values, rows, columns, _ = literal(counts, 4)
    found = correspondence(sp.csr_array(counts), 4)
    same_up_to_sign(found.rows, rows)
    same_up_to_sign(found.columns, columns)
    np.testing.assert_allclose(found.row_masses @ found.row_standard**2, 1)
    np.testing.assert_allclose(found.column_masses @ found.columns**2, values**2)
    assert 0 < found.shares.sum() < 1
    assert (found.columns[np.abs(found.columns).argmax(axis=0), range(4)] > 0).all()


def test_coordinates_equal_those_of_prince():
    prince = pytest.importorskip("prince")
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(table(80, 20, 0.25))
    peer = prince.CA(n_components=3, n_iter=20, random_state=0).fit(frame)
    found = correspondence(sp.csr_array(frame.to_numpy()), 3)
    for own, theirs in ((found.rows, peer.row_coordinates(frame)), (found.columns, peer.column_coordinates(frame))):
        for k in range(3):
            assert abs(np.corrcoef(own[:, k], np.asarray(theirs)[:, k])[0, 1]) >= 0.999


@pytest.mark.parametrize("shape", [(40, 30), (30, 40)])
def test_long_sides_are_analysed_by_iteration_alike(shape, monkeypatch):
    counts = sp.csr_array(table(*shape, 0.2))
    direct = correspondence(counts, 3)
    monkeypatch.setattr(module, "_WIDEST_GRAM", 5)
    iterated = correspondence(counts, 3)
    np.testing.assert_allclose(iterated.singular_values, direct.singular_values, atol=1e-9)
    np.testing.assert_allclose(iterated.rows, direct.rows, atol=1e-6)
    assert iterated.total_inertia == pytest.approx(direct.total_inertia)


def test_what_was_analysed_is_projected_to_its_own_place():
    counts = sp.csr_array(table(50, 12, 0.3))
    found = correspondence(counts, 3)
    np.testing.assert_allclose(found.project_rows(counts[5:9]), found.rows[5:9], atol=1e-9)
    np.testing.assert_allclose(found.project_columns(counts[:, [2, 7]]), found.columns[[2, 7]], atol=1e-9)
    assert np.isnan(found.project_rows(sp.csr_array((1, 12)))).all()
    with pytest.raises(InputError, match="11 columns instead of 12"):
        found.project_rows(counts[:, :11])


def test_one_block_is_the_whole_analysis():
    counts = sp.csr_array(table(40, 10, 0.4))
    plain, within = correspondence(counts, 3), correspondence(counts, 3, np.zeros(10, np.int64))
    np.testing.assert_allclose(within.singular_values, plain.singular_values, atol=1e-9)
    np.testing.assert_allclose(within.rows, plain.rows, atol=1e-6)


def votes(n=60, rolls=40, *, absent):
    """Two camps that vote alike, except for noise; who sits when is at random, or by camp."""
    random = np.random.default_rng(3)
    camp = np.arange(n) % 2
    era = np.arange(n) % 3 == 0
    agree = random.random((n, rolls)) < 0.9
    yes = agree == (camp[:, None] == (np.arange(rolls) % 2)[None])
    present = np.ones((n, rolls), bool)
    if absent:
        present[era, rolls // 2 :] = False
    return camp, era, np.hstack([yes & present, ~yes & present]).astype(float)


def test_within_roll_calls_absence_tells_nothing():
    camp, era, counts = votes(absent=True)
    blocks = np.tile(np.arange(40), 2)
    plain, within = correspondence(sp.csr_array(counts), 2), correspondence(sp.csr_array(counts), 2, blocks)

    def explained(x, groups):
        means = np.array([x[groups == group].mean() for group in (0, 1)])[groups.astype(int)]
        return np.var(means) / np.var(x)

    assert explained(within.rows[:, 0], camp) > 0.9
    assert max(explained(plain.rows[:, k], era) for k in range(2)) > 0.9
    assert max(explained(within.rows[:, k], era) for k in range(2)) < 0.3
    np.testing.assert_allclose(within.project_rows(sp.csr_array(counts[:4])), within.rows[:4], atol=1e-9)


def test_gram_of_sparse_and_of_dense_tables_agree():
    random = np.random.default_rng(0)
    sparse = sp.csr_array(sp.random_array((60_000, 300), density=0.01, rng=random, dtype=np.float32))
    weights = random.random(60_000)
    dense = sparse.toarray().astype(float)
    np.testing.assert_allclose(gram(sparse, weights), (dense * weights[:, None]).T @ dense, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda counts: (-counts, 2), "negative entries"),
        (lambda counts: (counts * np.nan, 2), "negative entries or NaN"),
        (lambda counts: (np.vstack([counts, 0 * counts[:1]]), 2), "1 rows and 0 columns have no entry"),
        (lambda counts: (counts, 6), "6 dimensions of a table of 20 x 6"),
        (lambda counts: (np.ones_like(counts), 1), "0 dimensions, 1 were asked for"),
    ],
)
def test_bad_input_is_refused(change, message):
    counts, dims = change(table(20, 6, 0.5))
    with pytest.raises(InputError, match=message):
        correspondence(sp.csr_array(counts), dims)


def test_blocks_are_one_a_column():
    with pytest.raises(InputError, match="3 blocks for 6 columns"):
        correspondence(sp.csr_array(table(20, 6, 0.5)), 2, np.zeros(3, np.int64))


@pytest.mark.slow
def test_a_large_table_has_the_singular_values_of_its_dense_residuals():
    counts = table(4000, 150, 0.05, 7)
    values, *_ = literal(counts, 10)
    found = correspondence(sp.csr_array(counts.astype(np.float32)), 10)
    np.testing.assert_allclose(found.singular_values, values, rtol=1e-4)
