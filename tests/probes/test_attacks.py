"""Attribute inference: what an attacker gains over one who sees less."""

import numpy as np
import pytest
from contracts.probe_contract import RECORD
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from hemicycle.core.errors import InputError
from hemicycle.probes.attacks import ATTACK, ATTACK_SCHEMA, AttackConfig, attack, attack_table, auc
from hemicycle.probes.target import Target

CONFIG = AttackConfig(known=(0.1, 0.5), draws=2, replicates=200)


def people(n=400, seed=0):
    """Vectors that hold an attitude; age tells a little of it."""
    rng = np.random.default_rng(seed)
    attitude = rng.standard_normal(n)
    age = attitude + 2 * rng.standard_normal(n)
    vectors = rng.standard_normal((n, 6))
    vectors[:, 0] = attitude + 0.3 * rng.standard_normal(n)
    return vectors, attitude, {"age": age}


def by(rows, **wanted):
    return next(row for row in rows if all(row[key] == value for key, value in wanted.items()))


def test_vectors_give_the_attitude_away():
    vectors, attitude, covariates = people()
    rows = attack(vectors, Target("left", attitude, covariates=covariates), CONFIG, RECORD)
    assert {(row["known"], row["control"]) for row in rows} == {
        (known, control) for known in (0.1, 0.5) for control in ("covariates", "majority")
    }
    best = by(rows, known=0.5, control="covariates")
    assert best["score"] > 0.85
    assert best["control_score"] == pytest.approx(0.2, abs=0.15)
    assert best["advantage"] == pytest.approx(best["score"] - best["control_score"])
    assert 0 < best["advantage_low"] < best["advantage"] < best["advantage_high"]
    assert (best["n_known"], best["n_hidden"], best["score_name"]) == (200, 200, "r2")
    assert by(rows, known=0.1, control="majority")["control_score"] == pytest.approx(0)
    assert by(rows, known=0.1, control="majority")["score"] < best["score"]


def test_classes_by_balanced_accuracy_and_auc():
    vectors, attitude, covariates = people()
    side = np.where(attitude > 0.5, "right", "left").astype(object)
    rows = attack(vectors, Target("side", side, covariates=covariates), CONFIG, RECORD)
    assert {row["score_name"] for row in rows} == {"balanced_accuracy", "auc"}
    found = by(rows, known=0.5, score_name="auc", control="majority")
    assert found["score"] > 0.95
    assert found["control_score"] == pytest.approx(0.5)
    assert by(rows, known=0.5, score_name="balanced_accuracy", control="covariates")["advantage_low"] > 0


def test_vectors_that_say_nothing_give_no_advantage():
    vectors, attitude, covariates = people()
    noise = np.random.default_rng(4).standard_normal(vectors.shape)
    row = by(attack(noise, Target("left", attitude, covariates=covariates), CONFIG, RECORD), control="covariates")
    assert row["advantage_low"] < 0


def test_rows_fit_the_schema_and_repeat_themselves():
    vectors, attitude, _ = people()
    one, two = (attack(vectors, Target("left", attitude), CONFIG, RECORD) for _ in range(2))
    assert one == two
    assert set(one[0]) == set(ATTACK)
    assert attack_table(one).schema == ATTACK_SCHEMA
    assert {row["control"] for row in one} == {"majority"}


def test_a_hidden_label_has_no_influence_on_what_is_said():
    """With labels of everybody but the known shuffled, what is inferred is the same; so the score collapses."""
    vectors, attitude, _ = people(100)
    score = attack(vectors, Target("left", attitude), CONFIG, RECORD)[-1]["score"]
    assert attack(vectors, Target("left", attitude[::-1]), CONFIG, RECORD)[-1]["score"] < score - 0.5


def test_fractions_too_small_are_left_out_or_refused():
    vectors, attitude, _ = people(100)
    config = CONFIG.replace(known=(0.01, 0.5))
    assert {row["known"] for row in attack(vectors, Target("left", attitude), config, RECORD)} == {0.5}
    with pytest.raises(InputError, match="too few for the fractions"):
        attack(vectors, Target("left", attitude), CONFIG.replace(known=(0.01,)), RECORD)
    with pytest.raises(InputError, match="not finite or not as many"):
        attack(vectors[:-1], Target("left", attitude), CONFIG, RECORD)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=4, max_size=30))
def test_auc_is_scikit_learns(rows):
    labels, values, weights = (np.array(column, float) for column in zip(*rows, strict=True))
    found = auc(labels.astype(int), values, weights[None])[0]
    if min(weights[labels == 0].sum(), weights[labels == 1].sum()) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(labels, values, sample_weight=weights))
