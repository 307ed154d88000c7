"""A population is compared on one subsample, with intervals that cover and controls that find nothing."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.geometry.similarity import SimilarityConfig, population_similarity, sample_rows


def population(n=300, seed=0, shared=2.0):
    """Three models that share something, and one that has nothing in common with them."""
    source = np.random.default_rng(seed)
    base = source.standard_normal((n, 4))
    alike = [shared * base @ source.standard_normal((4, 6)) / 2 + source.standard_normal((n, 6)) for _ in range(3)]
    return [*alike, source.standard_normal((n, 6))]


def test_models_that_share_something_are_told_from_one_that_does_not():
    found = population_similarity(population(), SimilarityConfig())
    for measure, made in found.items():
        sign = -1 if measure == "procrustes" else 1
        assert (sign * made.value[0, 1]) > (sign * made.value[0, 3])
        assert made.low[0, 1] < made.value[0, 1] < made.high[0, 1]
        far = made.controls[:, 0, 1]
        assert made.low[0, 1] > far.max() if sign == 1 else made.high[0, 1] < far.min()
        np.testing.assert_allclose(made.value, made.value.T)


def test_permuted_users_have_nothing_in_common_and_only_the_unbiased_measure_says_so():
    controls = {m: s.controls[:, 0, 1] for m, s in population_similarity(population(n=60), SimilarityConfig()).items()}
    assert abs(controls["cka_debiased"].mean()) < 0.02
    assert controls["cka"].mean() > 0.03
    assert abs(controls["rsa"].mean()) < 0.05
    assert len(controls["cka"]) == 20


def test_the_same_model_twice_is_the_same_and_sure():
    x = population()[0]
    for measure, made in population_similarity([x, x], SimilarityConfig()).items():
        wanted = 0 if measure == "procrustes" else 1
        for part in (made.value, made.low, made.high):
            assert part[0, 1] == pytest.approx(wanted, abs=2e-3)


def test_the_same_seed_gives_the_same_numbers_and_only_what_was_asked():
    config = SimilarityConfig(measures=("rsa", "cka"), users=100, rsa_users=50)
    one, two = (population_similarity(population(), config) for _ in range(2))
    assert list(one) == ["rsa", "cka"]
    for measure, made in one.items():
        np.testing.assert_array_equal(made.controls, two[measure].controls)
        np.testing.assert_array_equal(made.value, two[measure].value)


def test_a_subsample_is_the_same_for_all_and_begins_as_smaller_ones_do():
    rows = sample_rows(1000, 200, 0)
    assert len(set(rows)) == 200
    np.testing.assert_array_equal(rows[:50], sample_rows(1000, 50, 0))
    assert set(sample_rows(1000, 200, 1)) != set(rows)


def test_a_large_population_gets_few_permutations(monkeypatch):
    monkeypatch.setattr("hemicycle.geometry.similarity._BUDGET", 1.0)
    found = population_similarity(population(), SimilarityConfig(measures=("cka",)))
    assert found["cka"].controls.shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ([np.ones((20, 2))], "1 models cannot be compared"),
        ([np.ones((20, 2)), np.ones((30, 2))], "models of 20 and of 30 users"),
        ([np.ones((5, 2))] * 2, "5 users are too few"),
        ([np.ones((20, 2)), np.full((20, 2), np.nan)], "vectors of model 1 hold NaN"),
    ],
)
def test_what_cannot_be_compared(vectors, said):
    with pytest.raises(InputError, match=said):
        population_similarity(vectors, SimilarityConfig())


@pytest.mark.slow
def test_intervals_over_users_cover_the_similarity_of_everybody():
    everybody = population(n=20_000, seed=3)[:2]
    config = SimilarityConfig(measures=("cka_debiased", "procrustes"), users=20_000, permutations=1)
    truth = {m: s.value[0, 1] for m, s in population_similarity(everybody, config).items()}
    hits = dict.fromkeys(truth, 0)
    source = np.random.default_rng(5)
    for _ in range(200):
        rows = source.choice(20_000, 300, replace=False)
        for measure, made in population_similarity([x[rows] for x in everybody], config).items():
            hits[measure] += made.low[0, 1] <= truth[measure] <= made.high[0, 1]
    assert 0.90 <= hits["cka_debiased"] / 200 <= 0.985
    assert 0.85 <= hits["procrustes"] / 200 <= 0.985
