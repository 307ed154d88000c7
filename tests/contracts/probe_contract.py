"""What every probe must hold: derive a test class, set ``config``, and nothing else.

class TestMine(ProbeContract):
    config = Mine.Config()
"""

import math

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.probes.base import PROBE as COLUMNS
from hemicycle.probes.base import PROBE_SCHEMA, ProbeConfig, Task, probe_table
from hemicycle.probes.catalogue import PROBE
from hemicycle.probes.probe import probe_embedding
from hemicycle.probes.target import Target

RECORD = {
    "record_id": "r0",
    "name": "mf-s0",
    "family": "mf",
    "seed": 0,
    "status": "trained",
    "layer": "readout",
    "epoch": 3,
}

CONTROLS = {"permuted", "random vectors", "covariates", "covariates by trees"}


def by_control(rows, scope="all"):
    """Rows of one scope by control."""
    return {row["control"]: row for row in rows if row["scope"] == scope}


class ProbeContract:
    """Properties of every probe of users' vectors."""

    config: ProbeConfig
    tolerance = 1e-8
    """How far an iterative solver may be from the solution."""

    @pytest.fixture
    def probe(self):
        return PROBE.build(self.config)

    @pytest.fixture
    def planted(self):
        """Vectors one direction of which holds the label, with noise."""
        rng = np.random.default_rng(3)
        vectors = rng.standard_normal((150, 6))
        signal = 2 * vectors[:, 0] + 0.5 * rng.standard_normal(150)
        return vectors, self.label(signal), rng.integers(0, 5, 150)

    def label(self, signal):
        """The label of a continuous signal, as this probe reads it."""
        stratified = PROBE.build(self.config).stratified
        return np.where(signal > np.median(signal), "right", "left").astype(object) if stratified else signal

    def chance(self, rows):
        return 0.5 if rows[0]["score_name"] == "balanced_accuracy" else 0.0

    def run(self, vectors, values, **columns):
        return probe_embedding(vectors, Target("attitude", values, **columns), self.config, RECORD)

    def test_config_round_trip(self):
        assert PROBE.validate(self.config.model_dump()) == self.config

    def test_planted_signal_is_found_and_selective(self, planted):
        vectors, values, _ = planted
        row = by_control(self.run(vectors, values))["permuted"]
        assert row["score"] > 0.85
        assert row["ci_low"] < row["score"] < row["ci_high"]
        assert row["selectivity"] == pytest.approx(row["score"] - row["control_score"])
        assert row["control_high"] < row["ci_low"]

    def test_shuffled_labels_score_at_chance(self, planted):
        vectors, values, _ = planted
        rows = self.run(vectors, np.random.default_rng(1).permutation(values))
        assert rows[0]["score"] < self.chance(rows) + 0.12
        assert rows[0]["control_score"] == pytest.approx(self.chance(rows), abs=0.06)

    def test_a_score_never_stands_without_control_and_interval(self, planted):
        vectors, values, groups = planted
        rows = self.run(vectors, values, groups={"party": groups}, covariates={"degree": groups * 1.5})
        assert set(by_control(rows)) == CONTROLS | {"party"}
        for row in rows:
            assert set(row) == set(COLUMNS)
            assert all(
                math.isfinite(row[c]) for c in ("score", "ci_low", "ci_high", "control_score", "partial_r2", "p_value")
            )

    def test_rows_fit_the_schema_and_carry_the_record(self, planted):
        table = probe_table(self.run(*planted[:2]))
        assert table.schema == PROBE_SCHEMA
        assert table.select(list(RECORD)).to_pylist()[0] == RECORD

    def test_confounder_alone_leaves_nothing_to_the_vectors(self):
        """The label comes from the party; the vectors know the party and nothing else."""
        rng = np.random.default_rng(11)
        party = rng.integers(0, 3, 240)
        vectors = np.eye(3)[party] @ rng.standard_normal((3, 8)) + 0.7 * rng.standard_normal((240, 8))
        values = self.label(np.array([-1.0, 0.2, 1.0])[party] + 0.4 * rng.standard_normal(240))
        rows = by_control(self.run(vectors, values, groups={"party": party}))
        assert rows["permuted"]["score"] > rows["permuted"]["control_high"]
        assert rows["covariates"]["partial_low"] <= 0.005
        assert rows["covariates"]["partial_high"] >= -0.005

    def test_vectors_beyond_the_confounder_have_a_positive_partial(self, planted):
        vectors, values, groups = planted
        row = self.run(vectors, values, groups={"party": groups})[0]
        assert row["partial_low"] > 0.2

    def test_same_seed_same_rows(self, planted):
        vectors, values, groups = planted
        assert self.run(vectors, values, groups={"party": groups}) == self.run(
            vectors, values, groups={"party": groups}
        )

    def test_another_seed_other_folds(self, planted):
        other = probe_embedding(planted[0], Target("attitude", planted[1]), self.config.replace(seed=9), RECORD)
        assert other[0]["control_score"] != self.run(*planted[:2])[0]["control_score"]

    def test_users_are_exchangeable(self, planted, probe):
        """Permuting users with their labels and folds permutes the predictions."""
        vectors, values, _ = planted
        labels, folds = probe.read(values)[:, None], np.arange(150) % 5
        order = np.random.default_rng(0).permutation(150)
        zeros = np.zeros(150, np.int64)
        one = probe.fit(Task((vectors,), labels, folds, zeros)).predictions
        two = probe.fit(Task((vectors[order],), labels[order], folds[order], zeros)).predictions
        np.testing.assert_allclose(two, one[order], rtol=0, atol=self.tolerance)

    def test_units_of_the_vectors_do_not_matter(self, planted):
        vectors, values, _ = planted
        scaled = vectors * np.array([1e-3, 1, 10, 1e3, 1e4, 0.1]) + 100
        assert self.run(scaled, values)[0]["score"] == pytest.approx(self.run(vectors, values)[0]["score"], abs=1e-6)

    def test_a_held_out_label_has_no_influence_on_its_prediction(self, planted, probe):
        vectors, values, _ = planted
        labels, folds = probe.read(values), np.arange(150) % 5
        changed = labels.copy()
        changed[folds == 2] = labels[folds == 2][::-1]
        fits = [
            probe.fit(Task((vectors,), y[:, None], folds, np.zeros(150, np.int64))).predictions
            for y in (labels, changed)
        ]
        np.testing.assert_array_equal(fits[0][folds == 2], fits[1][folds == 2])
        assert not np.array_equal(fits[0][folds != 2], fits[1][folds != 2])

    def test_missing_labels_are_left_out_and_counted(self, planted):
        vectors, values, _ = planted
        holes = values.copy()
        holes[:30] = np.nan
        rows = self.run(vectors, holes)
        assert rows[0]["n"] == 120
        assert rows == self.run(vectors[30:], values[30:])

    def test_constant_label_is_refused(self, planted):
        same = np.full(150, planted[1][0])
        with pytest.raises(InputError, match="no two"):
            self.run(planted[0], same)

    def test_broken_vectors_are_refused(self, planted):
        vectors = planted[0].copy()
        vectors[3, 1] = np.nan
        with pytest.raises(InputError, match="1 of 150 vectors hold NaN"):
            self.run(vectors, planted[1])
        with pytest.raises(InputError, match="for 150 labels"):
            self.run(planted[0][:-1], planted[1])

    def test_label_constant_in_groups_is_probed_on_unseen_groups(self):
        """Vectors that identify groups, and nothing about the label, fail on unseen groups."""
        rng = np.random.default_rng(5)
        party = np.repeat(np.arange(30), 6)
        vectors = rng.standard_normal((30, 40))[party] + 0.01 * rng.standard_normal((180, 40))
        rows = self.run(vectors, self.label(rng.standard_normal(30))[party], groups={"party": party})
        assert rows[0]["cv"].endswith("by party (detected)")
        assert rows[0]["n_groups"] == 30
        assert rows[0]["score"] < self.chance(rows) + 0.25
        assert {row["scope"] for row in rows} == {"all"}

    def test_too_few_groups_are_refused(self):
        party = np.repeat(np.arange(4), 20)
        values = self.label(np.array([-1.0, -0.5, 0.5, 1.0]))[party]
        with pytest.raises(InputError, match="4 groups of party"):
            self.run(np.random.default_rng(0).standard_normal((80, 3)), values, groups={"party": party})

    def test_useless_vectors_are_harmless(self):
        values = self.label(np.random.default_rng(2).standard_normal(60))
        row = self.run(np.zeros((60, 3)), values)[0]
        assert row["score"] == pytest.approx(self.chance([row]), abs=1e-9)
