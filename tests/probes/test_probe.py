"""What the one call reports, and that it does not cry wolf."""

import numpy as np
import pytest
from contracts.probe_contract import RECORD, by_control

from hemicycle.core.config import Options, Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.probes.catalogue import PROBE, PROBES
from hemicycle.probes.logistic import LogisticConfig
from hemicycle.probes.probe import probe_embedding
from hemicycle.probes.ridge import RidgeConfig
from hemicycle.probes.target import Target

CONFIG = RidgeConfig()


def society(n=300, d=8, seed=0, within=1.0):
    """Vectors that hold an attitude; parties differ in its mean."""
    rng = np.random.default_rng(seed)
    party = rng.integers(0, 3, n)
    attitude = np.array([-2.0, 0.0, 2.0])[party] + rng.standard_normal(n)
    own = attitude - np.array([-2.0, 0.0, 2.0])[party]
    vectors = rng.standard_normal((n, d))
    vectors[:, 0] = np.array([-2.0, 0.0, 2.0])[party] + within * own + 0.3 * rng.standard_normal(n)
    return vectors, Target("attitude", attitude, {"party": party}, {"degree": rng.poisson(9, n)})


def test_scopes_and_controls():
    rows = probe_embedding(*society(), CONFIG, RECORD)
    assert [(row["scope"], row["control"]) for row in rows] == [
        ("all", "permuted"),
        ("all", "covariates"),
        ("all", "party"),
        ("within party", "permuted"),
        ("within party", "covariates"),
    ]
    assert {(row["cv"], row["n"]) for row in rows} == {("5 folds", 300)}
    assert [row["n_groups"] for row in rows] == [0, 0, 0, 3, 3]


def test_party_alone_explains_its_share():
    rows = by_control(probe_embedding(*society(), CONFIG, RECORD))
    assert rows["party"]["control_score"] == pytest.approx(8 / 11, abs=0.06)
    assert rows["permuted"]["score"] > rows["party"]["control_high"]
    assert rows["permuted"]["partial_r2"] == pytest.approx(1 - 0.09 / 1.09, abs=0.06)


def test_knowing_the_party_only_is_no_knowledge_within_it():
    vectors, target = society(within=0.0)
    rows = probe_embedding(vectors, target, CONFIG, RECORD)
    assert by_control(rows)["permuted"]["score"] > 0.6
    inside = by_control(rows, "within party")["permuted"]
    assert abs(inside["score"]) < 0.05
    assert inside["ci_low"] < 0.02


def test_knowledge_within_parties_is_found():
    inside = by_control(probe_embedding(*society(), CONFIG, RECORD), "within party")["permuted"]
    assert inside["ci_low"] > inside["control_high"]


def test_perfect_covariates_leave_partial_undefined(caplog):
    vectors, target = society()
    twin = Target("attitude", target.values, {}, {"same": target.values})
    config = RidgeConfig(penalties=(1e-12, 1e-13))
    with caplog.at_level("INFO", "hemicycle.probes.probe"):
        row = probe_embedding(vectors, twin, config, RECORD)[0]
    assert np.isnan([row["partial_r2"], row["partial_low"], row["partial_high"]]).all()
    assert row["score"] > 0.8
    assert "partial R2 of attitude is undefined" in caplog.text


def test_without_covariates_partial_is_undefined():
    vectors, target = society()
    rows = probe_embedding(vectors, Target("attitude", target.values), CONFIG, RECORD)
    assert [row["control"] for row in rows] == ["permuted"]
    assert np.isnan(rows[0]["partial_r2"])


def test_a_group_column_with_one_level_is_ignored():
    vectors, target = society()
    rows = probe_embedding(vectors, Target("a", target.values, {"chamber": np.full(300, "Senate")}), CONFIG, RECORD)
    assert [row["control"] for row in rows] == ["permuted"]


def test_labels_constant_in_parties_are_permuted_between_parties():
    rng = np.random.default_rng(2)
    party = rng.integers(0, 40, 400)
    position = rng.standard_normal((40, 2))
    vectors = np.concatenate([position[:, :1][party], rng.standard_normal((400, 5))], 1)
    rows = by_control(probe_embedding(vectors, Target("lrgen", position[party, 0], {"party": party}), CONFIG, RECORD))
    assert rows["permuted"]["cv"] == "5 folds by party (detected)"
    assert rows["permuted"]["score"] > 0.95
    assert rows["permuted"]["control_high"] < 0.3
    assert rows["party"]["control_score"] == pytest.approx(0, abs=0.02)


def test_all_models_are_compared_on_the_same_folds():
    """A model's control cannot depend on its vectors where vectors have no part."""
    vectors, target = society()
    one, two = (by_control(probe_embedding(v, target, CONFIG, RECORD)) for v in (vectors, vectors[:, ::-1] ** 3))
    for control in ("party", "covariates"):
        for column in ("control_score", "control_low", "control_high"):
            assert one[control][column] == two[control][column]


def test_probes_are_chosen_by_name():
    assert type(PROBE.validate("ridge")) is RidgeConfig
    assert PROBE.validate({"probe": "logistic", "seed": 4}) == LogisticConfig(seed=4)
    assert {PROBE.resolve(name).Config().probe for name in PROBES} == set(PROBES)


@pytest.mark.parametrize("key", ["permutations", "replicates", "folds"])
def test_controls_cannot_be_configured_away(key):
    with pytest.raises(InputError, match=key):
        validate(RidgeConfig, Raw({key: 1}, {}))
    assert issubclass(RidgeConfig, Options)


@pytest.mark.parametrize("vectors", [np.zeros((300, 0)), np.zeros(300)])
def test_vectors_need_two_dimensions(vectors):
    with pytest.raises(InputError, match="vectors of shape"):
        probe_embedding(vectors, society()[1], CONFIG, RECORD)


def test_no_label_at_all():
    with pytest.raises(InputError, match="no row has this label"):
        probe_embedding(np.zeros((9, 2)), Target("a", np.full(9, np.nan)), CONFIG, RECORD)


def false_positives(replications, n=120):
    """How often noise beats the upper end of the permuted range, and how often its partial excludes 0 from above."""
    above = partial = 0
    for seed in range(replications):
        rng = np.random.default_rng(1000 + seed)
        party = rng.integers(0, 3, n)
        target = Target("noise", party + rng.standard_normal(n), {"party": party})
        row = probe_embedding(rng.standard_normal((n, 8)), target, CONFIG, RECORD)[0]
        above += row["score"] > row["control_high"]
        partial += row["partial_low"] > 0
    return above, partial


def test_noise_is_rarely_taken_for_knowledge():
    above, partial = false_positives(10)
    assert above <= 3
    assert partial <= 1


@pytest.mark.slow
def test_noise_is_taken_for_knowledge_at_the_stated_rate():
    above, partial = false_positives(300)
    assert above <= 0.1 * 300  # the largest of 20 permutations is exceeded in 1 of 21 cases
    assert partial <= 0.05 * 300


@pytest.mark.slow
def test_intervals_cover_the_score_on_the_population():
    covered = 0
    vectors, target = society(60_000, seed=99)
    truth = probe_embedding(vectors, target, CONFIG, RECORD)[0]["score"]
    for seed in range(200):
        row = probe_embedding(*society(400, seed=seed), CONFIG, RECORD)[0]
        covered += row["ci_low"] <= truth <= row["ci_high"]
    assert covered >= 0.88 * 200
