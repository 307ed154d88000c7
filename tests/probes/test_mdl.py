"""The online code: lengths by their definition, bits that a reader of much data saves and one of little does not."""

import numpy as np
import pytest
from contracts.probe_contract import RECORD, ProbeContract, by_control
from scipy.stats import norm

from hemicycle.probes.base import Task
from hemicycle.probes.mdl import (
    MDL,
    MDLClasses,
    MDLClassesConfig,
    MDLConfig,
    _GaussianCode,
    _length,
    _objective,
    _parts,
)
from hemicycle.probes.probe import probe_embedding
from hemicycle.probes.target import Target


class Coded(ProbeContract):
    """What is otherwise for a score in bits, and for readers that begin with a few rows drawn at random."""

    enough = 1.0

    def test_planted_signal_is_found_and_selective(self, planted):
        vectors, values, _ = planted
        row = by_control(self.run(vectors, values))["permuted"]
        assert row["score_name"] == "bits_saved"
        assert row["score"] > self.enough
        assert row["ci_low"] < row["score"] < row["ci_high"]
        assert row["control_high"] < row["ci_low"]

    def test_users_are_exchangeable(self, planted, probe):
        """Which rows come first is drawn by their places; whoever they are, the score is much the same."""
        vectors, values, _ = planted
        labels, folds, zeros = probe.read(values), np.arange(150) % 5, np.zeros(150, np.int64)
        scores = []
        for seed in range(3):
            order = np.random.default_rng(seed).permutation(150)
            found = probe.fit(Task((vectors[order],), labels[order][:, None], folds[order], zeros))
            scores.append(probe.score(labels[order], found).value)
        assert np.ptp(scores) < 0.1


class TestMDL(Coded):
    config = MDLConfig()


@pytest.mark.slow
class TestMDLClasses(Coded):
    config = MDLClassesConfig()
    enough = 0.35


def task(n=200, t=2, seed=0, outer=()):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4))
    y = 3 + x[:, 0] + 0.3 * rng.standard_normal(n)
    labels = np.stack([y, *(rng.permutation(y) for _ in range(t - 1))], 1)
    return Task((x,), labels, np.arange(n) % 5, np.zeros(n, int), outer)


def test_parts_grow_and_count_with_what_they_code():
    parts = _parts(task(400), 1, MDLConfig())
    assert [len(part.train) for part in parts] == [10, 20, 40, 80, 160, 320]
    assert [len(part.following) for part in parts] == [10, 20, 40, 80, 160, 0]
    assert [part.weight for part in parts] == [0, 0.05, 0.1, 0.2, 0.4, 0.2]
    for part in parts:
        assert not (np.arange(400)[part.train] % 5 == 1).any()
        assert not set(part.train) & set(part.following)


def test_a_code_of_several_gaussians_is_the_mean_of_their_lengths():
    given = task()
    code = _GaussianCode(given, 0, (0.1,))
    y, rng = given.labels[code.test], np.random.default_rng(0)
    mean, prior_sd = given.labels[given.folds != 0].mean(0), given.labels[given.folds != 0].std(0)
    lengths = -0.3 * norm.logpdf(y, mean, prior_sd)
    for weight, sd in ((0.2, 0.5), (0.5, 0.3)):
        said = rng.standard_normal((2, 40))
        code._variance = np.full(2, sd**2)
        code.add(weight, said)
        lengths -= weight * norm.logpdf(y, mean + said.T, sd)
    for t in range(2):
        np.testing.assert_allclose(_length(y[:, t], code.found()[:, t]), lengths[:, t], rtol=1e-9)
        prior = _length(y[:, t], np.asarray(code.prior)[:, t])
        np.testing.assert_allclose(prior, -norm.logpdf(y[:, t], mean[t], prior_sd[t]), rtol=1e-9)


def test_bits_approach_mutual_information():
    """For a linear signal with Gaussian noise it is - log2(1 - rho^2) / 2."""
    given = task(4000)
    found = MDL(MDLConfig()).fit(given)
    bits = MDL(MDLConfig()).score(given.labels[:, 0], found).value
    assert 0.9 < bits / (-np.log2(0.09 / 1.09) / 2) < 1


def test_a_label_that_needs_much_data_saves_fewer_bits():
    """Both are read perfectly in the end; one along a single direction, one spread over many."""
    rng = np.random.default_rng(1)
    few, many = rng.standard_normal((300, 2)), rng.standard_normal((300, 60))
    values = [x.sum(1) / np.sqrt(x.shape[1]) for x in (few, many)]
    scores = [
        probe_embedding(x, Target("a", y), MDLConfig(), RECORD)[0]["score"]
        for x, y in zip((few, many), values, strict=True)
    ]
    assert scores[0] > scores[1] + 0.3


def test_a_perfect_reader_of_two_classes_saves_at_most_one_bit():
    x = np.repeat([[-1.0], [1.0]], 200, 0) + 0.01 * np.random.default_rng(0).standard_normal((400, 1))
    row = probe_embedding(x, Target("side", np.repeat(["l", "r"], 200).astype(object)), MDLClassesConfig(), RECORD)[0]
    assert 0.7 < row["score"] < 1


@pytest.mark.parametrize("classes", [False, True])
def test_only_the_outer_folds_that_are_wanted(classes):
    probe = MDLClasses(MDLClassesConfig()) if classes else MDL(MDLConfig())
    every, one = task(), task(outer=(1,))
    if classes:
        every, one = (Task(g.blocks, (g.labels > 3).astype(int), g.folds, g.centre, g.outer) for g in (every, one))
    test = every.folds == 1
    every, one = probe.fit(every), probe.fit(one)
    np.testing.assert_array_equal(one.predictions[test], every.predictions[test])
    assert np.isnan(one.predictions[~test]).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_gradient_is_that_of_the_objective(classes):
    rng = np.random.default_rng(0)
    z, members = rng.standard_normal((30, 4)), np.eye(classes)[rng.integers(0, classes, (30, 2))]
    given = z, members, rng.standard_normal((2, classes)), np.array([0.3, 0.1])
    w, direction = rng.standard_normal((2, 4 * 2 * 2 * (1 if classes == 2 else classes)))
    slope = (_objective(w + 1e-6 * direction, *given)[0] - _objective(w - 1e-6 * direction, *given)[0]) / 2e-6
    assert _objective(w, *given)[1] @ direction == pytest.approx(slope, rel=1e-6)


def test_several_covariates_with_trees_beyond_trees():
    """Trees give plain means, which are coded by the variance of their errors."""
    rng = np.random.default_rng(0)
    age, degree, x = rng.standard_normal(150), rng.standard_normal(150), rng.standard_normal((150, 3))
    values = np.abs(age) + x[:, 0] + 0.1 * rng.standard_normal(150)
    found = probe_embedding(x, Target("a", values, covariates={"age": age, "degree": degree}), MDLConfig(), RECORD)
    rows = by_control(found)
    assert rows["covariates by trees"]["control_score"] > rows["covariates"]["control_score"]
    assert rows["covariates by trees"]["partial_r2"] > 0.5
