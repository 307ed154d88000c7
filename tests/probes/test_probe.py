"""What the one call reports, and that it does not cry wolf."""

import numpy as np
import pytest
from contracts.probe_contract import RECORD, by_control

from hemicycle.core.config import Options, Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.probes.cases import collinear
from hemicycle.probes.catalogue import PROBE, PROBES
from hemicycle.probes.logistic import LogisticConfig
from hemicycle.probes.probe import probe_embedding, probe_targets
from hemicycle.probes.recent import Recent
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
        ("all", "random vectors"),
        ("all", "covariates"),
        ("all", "covariates by trees"),
        ("all", "party"),
        ("within party", "permuted"),
        ("within party", "covariates"),
        ("within party", "covariates by trees"),
    ]
    assert {(row["cv"], row["n"]) for row in rows} == {("5 folds", 300)}
    assert [row["n_groups"] for row in rows] == [0] * 5 + [3] * 3


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
    with caplog.at_level("INFO", "hemicycle.probes.readings"):
        row = probe_embedding(vectors, twin, config, RECORD)[0]
    assert np.isnan([row["partial_r2"], row["partial_low"], row["partial_high"]]).all()
    assert row["score"] > 0.8
    assert "partial R2 of attitude is undefined" in caplog.text


def test_without_covariates_partial_is_undefined():
    vectors, target = society()
    rows = probe_embedding(vectors, Target("attitude", target.values), CONFIG, RECORD)
    assert [row["control"] for row in rows] == ["permuted", "random vectors"]
    assert np.isnan(rows[0]["partial_r2"])


def test_a_group_column_with_one_level_is_ignored():
    vectors, target = society()
    rows = probe_embedding(vectors, Target("a", target.values, {"chamber": np.full(300, "Senate")}), CONFIG, RECORD)
    assert [row["control"] for row in rows] == ["permuted", "random vectors"]


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


def test_groups_that_are_never_seen_do_not_crowd_out_the_others():
    """A party that folds keep whole is unknown where it is judged; its bloc is not."""
    rng = np.random.default_rng(4)
    party = np.repeat(np.arange(40), 8)
    bloc = party % 3
    position = np.array([-1.0, 0.0, 1.0])[np.arange(40) % 3] + 0.4 * rng.standard_normal(40)
    target = Target("lrgen", position[party], {"party": party, "bloc": bloc})
    rows = by_control(probe_embedding(rng.standard_normal((320, 3)), target, CONFIG, RECORD))
    assert rows["covariates"]["control_score"] == pytest.approx(rows["bloc"]["control_score"], abs=1e-9)
    assert rows["bloc"]["control_score"] > 0.7


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


def mixed(n=150):
    """Labels with different known rows, folds and groups."""
    vectors, target = society(n)
    rng = np.random.default_rng(7)
    country = rng.integers(0, 25, n)
    holes = np.where(rng.random(n) < 0.2, np.nan, target.values)
    columns = {"groups": {**target.groups, "country": country}, "covariates": target.covariates}
    strata = {"degree": target.covariates["degree"], "community": np.asarray(target.groups["party"])}
    return vectors, [
        Target("one", target.values, **columns, **strata),
        Target("two", vectors[:, 1] + rng.standard_normal(n), target.groups, target.covariates),
        Target("holes", holes, target.groups),
        Target("of country", rng.standard_normal(25)[country], {"country": country}),
        Target("plain", vectors[:, 2] * 1.0),
    ]


def test_labels_side_by_side_are_read_as_if_alone():
    vectors, targets = mixed()
    config = RidgeConfig(seed=3)
    together = probe_targets(vectors, targets, config, RECORD)
    alone = [row for target in targets for row in probe_embedding(vectors, target, config, RECORD)]
    assert len(together) == len(alone)
    for one, two in zip(together, alone, strict=True):
        for column in one:
            if isinstance(one[column], float):
                assert one[column] == pytest.approx(two[column], abs=1e-9, nan_ok=True), (column, one["control"])
            else:
                assert one[column] == two[column]
    assert {"permuted within degree", "permuted within community"} <= set(by_control(together[:12]))


def test_what_is_kept_from_another_model_changes_nothing(monkeypatch):
    vectors, target = society()
    probe_embedding(vectors[:, ::-1] ** 3, target, CONFIG, RECORD)
    warm = probe_embedding(vectors, target, CONFIG, RECORD)
    monkeypatch.setattr("hemicycle.probes.cases._RECENT", Recent(0))
    assert probe_embedding(vectors, target, CONFIG, RECORD) == warm


def test_p_values_are_ranks_among_permutations():
    vectors, target = society()
    row = probe_embedding(vectors, target, CONFIG, RECORD)[0]
    assert row["p_value"] == pytest.approx(1 / (1 + CONFIG.permutations))
    noise = Target("noise", np.random.default_rng(0).standard_normal(300))
    low = [probe_embedding(vectors, noise, CONFIG.replace(seed=s), RECORD)[0] for s in range(4)]
    assert all(row["p_value"] > 1 / (1 + CONFIG.permutations) for row in low if row["score"] < row["control_score"])


def test_vectors_that_hold_the_degree_only_do_not_beat_permutations_of_their_kind():
    """A label that follows the degree is read from vectors that hold the degree, and from its own kind of null."""
    rng = np.random.default_rng(1)
    degree = rng.lognormal(2, 1, 600)
    vectors = np.log(degree)[:, None] + 0.1 * rng.standard_normal((600, 3))
    label = np.log(degree) + 0.3 * rng.standard_normal(600)
    rows = by_control(probe_embedding(vectors, Target("a", label, degree=degree), CONFIG, RECORD))
    assert rows["permuted"]["control_high"] < 0.05
    assert rows["permuted within degree"]["control_score"] > 0.7


@pytest.mark.parametrize("curve", [np.tanh, lambda z: np.sin(2 * z)], ids=["nearly linear", "curved"])
def test_an_attribute_of_a_confounder_adds_nothing_and_the_true_attitude_keeps_its_score(curve):
    """Vectors hold a confounder, a curve of it, and an attitude; one label is made of the confounder alone."""
    rng = np.random.default_rng(5)
    n = 1500
    z, attitude = rng.standard_normal((2, n))
    hidden = np.column_stack([z, curve(z), attitude, rng.standard_normal((n, 3))])
    vectors = hidden @ rng.standard_normal((6, 8)) + 0.2 * rng.standard_normal((n, 8))
    confounded = Target("confounded", curve(z) + 0.5 * rng.standard_normal(n), covariates={"age": z})
    true = Target("true", attitude + 0.5 * rng.standard_normal(n), covariates={"age": z})
    rows = {row["attribute"]: row for row in probe_targets(vectors, [confounded, true], CONFIG, RECORD)}
    assert rows["confounded"]["score"] > 0.3
    assert rows["confounded"]["partial_low"] <= 0 <= rows["confounded"]["partial_high"]
    assert abs(rows["confounded"]["partial_r2"]) < 0.03
    assert rows["true"]["score"] > 0.65
    assert rows["true"]["partial_r2"] >= rows["true"]["score"] - 0.02
    assert rows["true"]["partial_low"] > 0.6


def test_classes_of_a_curved_confounder_are_left_to_trees():
    rng = np.random.default_rng(8)
    z, attitude = rng.standard_normal((2, 600))
    vectors = np.column_stack([z, np.sin(3 * z), attitude]) + 0.1 * rng.standard_normal((600, 3))
    config = LogisticConfig(penalties=(0.01,))
    for signal, least, most in ((np.sin(3 * z), -0.02, 0.06), (attitude, 0.3, 1)):
        label = np.where(signal + 0.3 * rng.standard_normal(600) > 0, "left", "right").astype(object)
        rows = by_control(probe_embedding(vectors, Target("a", label, covariates={"age": z}), config, RECORD))
        assert least < rows["permuted"]["partial_r2"] < most
        assert rows["permuted"]["score"] > 0.75


def test_what_is_wrong_with_a_label_is_said_with_its_name():
    vectors, target = society()
    with pytest.raises(InputError, match=r"probe of flat: the label has no two different values"):
        probe_targets(vectors, [target, Target("flat", np.ones(300))], CONFIG, RECORD)
    with pytest.raises(InputError, match="no label to probe"):
        probe_targets(vectors, [], CONFIG, RECORD)
    with pytest.raises(InputError, match=r"vectors of shape .* for 299 labels"):
        probe_targets(vectors, [Target("short", np.arange(299.0))], CONFIG, RECORD)


def test_broken_vectors_count_where_the_label_is_known():
    vectors, target = society()
    vectors[:4, 0] = np.nan
    with pytest.raises(InputError, match="4 of 300 vectors hold NaN or infinity"):
        probe_targets(vectors, [target], CONFIG, RECORD)
    holes = target.values.copy()
    holes[:4] = np.nan
    assert probe_targets(vectors, [Target("holes", holes)], CONFIG, RECORD)[0]["n"] == 296


def test_collinear_labels_are_noted_and_probed(caplog):
    vectors, target = society()
    twin = Target("twin", -2 * target.values + 1)
    assert [(one, other, round(r, 3)) for one, other, r in collinear([target, twin])] == [("attitude", "twin", -1.0)]
    with caplog.at_level("WARNING", "hemicycle.probes.cases"):
        rows = probe_targets(vectors, [target, twin, Target("other", vectors[:, 1] * 1.0)], CONFIG, RECORD)
    assert {row["attribute"] for row in rows} == {"attitude", "twin", "other"}
    assert "attitude and twin correlate by -1.000" in caplog.text
    assert "other" not in caplog.text
