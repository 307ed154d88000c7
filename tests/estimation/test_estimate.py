"""Waves and a graph become tables and a verdict."""

import numpy as np
import pytest
from estimation import planted_waves
from estimation.planted_waves import PLANTED

from hemicycle.estimation.comparison import verdict
from hemicycle.estimation.estimate import COMMON, EstimationOptions, People, estimate
from hemicycle.estimation.methods import methods_text


def planted(name, seed=0, **options):
    return planted_waves.waves(name, np.random.default_rng([seed, 9]), **options)


def preferred(name, seed, **options):
    measured, graph, innate = planted(name, seed, **options)
    found = estimate(measured, graph, EstimationOptions(draws=19, seed=seed), People(innate=innate))
    return found.comparison.loc[found.comparison["preferred"], "mechanism"].item()


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_the_generating_mechanism_is_preferred(name):
    more = {"n": 800, "noise": 0.07} if name == "distance_decay" else {}  # 300 users do not show how influence decays
    assert [preferred(name, seed, **more) for seed in range(3)].count(name) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PLANTED))
def test_the_generating_mechanism_is_preferred_in_most(name):
    chosen = [preferred(name, seed, n=1000, per_user=10) for seed in range(100)]
    assert chosen.count(name) > 70, chosen


def test_where_mechanisms_cannot_be_told_apart_the_verdict_says_so():
    """Few users: influence that falls with distance looks like a confidence, or like none at all."""
    options = EstimationOptions(
        mechanisms=tuple({"mechanism": name} for name in ("assimilation", "bounded_confidence", "distance_decay")),
        draws=19,
    )
    unsure = 0
    for seed in range(6):
        measured, graph, _ = planted("distance_decay", seed, n=500)
        found = estimate(measured, graph, options)
        table = found.comparison.set_index("mechanism")
        others = [name for name in table.index[table["alike"]] if not table.loc[name, "preferred"]]
        assert table.loc["distance_decay", "alike"]
        assert ("cannot be told apart from" in found.verdict) == bool(others)
        assert all(name in found.verdict for name in others)
        unsure += bool(others)
    assert unsure >= 2


def test_tables_hold_every_parameter_and_no_user():
    measured, graph, innate = planted("bounded_confidence", n=200)
    found = estimate(measured, graph, people=People(innate=innate))
    tables = found.tables()
    assert list(tables) == ["estimation_results", "estimation_comparison", "estimation_profile"]
    told = found.results.groupby("mechanism")["parameter"].apply(set).to_dict()
    for name, parameters in PLANTED.items():
        assert told[name] == {"drift", "noise_sd", *parameters}
    assert (found.results["ci_low"] <= found.results["value"]).all()
    assert (found.results["value"] <= found.results["ci_high"]).all()
    assert found.comparison["delta_bic"].min() == 0.0
    assert set(found.profile["parameter"]) == {"confidence", "scale", "tolerance"}
    assert (found.profile["ratio"] >= 0).all()
    for table in tables.values():
        for column in table.select_dtypes("number"):
            assert not np.isin(table[column], measured[:, 0]).any()


def test_anchors_are_not_told_from_two_waves():
    measured, graph, _ = planted("assimilation")
    found = estimate(measured, graph)
    assert not {"anchored", "friedkin_johnsen"} & set(found.results["mechanism"])
    assert any("anchored and friedkin_johnsen not estimated" in note for note in found.notes)


def test_groups_have_parameters_of_their_own():
    measured, graph, _ = planted("assimilation", n=400)
    groups = np.array(["a", "b"] * 190 + ["rare"] * 20, object)
    options = EstimationOptions(mechanisms=({"mechanism": "none"}, {"mechanism": "assimilation"}))
    found = estimate(measured, graph, options, People(groups=groups))
    assert set(found.results["group"]) == {COMMON, "a", "b"}
    sizes = found.comparison.groupby("group")["n"].first()
    assert sizes.to_dict() == {COMMON: 400, "a": 190, "b": 190}
    assert any("rare" not in note and "1 of 3 groups" in note for note in found.notes)


def test_steps_are_profiled():
    measured, graph, _ = planted("assimilation", n=400, steps=3, noise=0.03)
    options = EstimationOptions(mechanisms=({"mechanism": "assimilation"},), steps=(1, 2, 3, 4))
    found = estimate(measured, graph, options)
    assert found.results.set_index("parameter").loc["steps", "value"] == 3
    assert found.comparison["n_parameters"].item() == 4


def test_errors_are_estimated_and_the_simplest_is_preferred():
    measured, graph, _ = planted("none", n=1500, n_waves=3, error=0.15)
    options = {"mechanisms": [{"mechanism": name} for name in ("none", "regression", "assimilation")]}
    naive = estimate(measured, graph, EstimationOptions(**options))
    found = estimate(measured, graph, EstimationOptions(**options, error="estimate"))
    assert naive.comparison.iloc[0]["mechanism"] != "none"
    assert found.comparison.iloc[0]["mechanism"] == "none"
    assert found.results.set_index("parameter").loc["measurement_sd", "value"] == pytest.approx(0.15, rel=0.2)


def test_a_graph_of_each_wave_also_tells_of_ties():
    measured, graph, _ = planted("none", n=300)
    rng = np.random.default_rng(0)
    later = graph.select(rng.random(graph.n_edges) < 0.8)
    options = EstimationOptions(mechanisms=({"mechanism": "none"},))
    found = estimate(measured, [graph, later], options)
    assert set(found.selection["process"]) == {"dissolution"}
    row = found.selection.set_index("parameter").loc["distance"]
    assert row["ci_low"] < 0.3
    assert any("formation of ties: 0 changes" in note for note in found.notes)
    assert "Dissolution: logit" in methods_text(found, options)


def test_the_same_seed_gives_the_same_tables():
    measured, graph, _ = planted("bounded_confidence", n=150)
    one, two = (estimate(measured, graph, EstimationOptions(seed=4)).tables() for _ in range(2))
    assert all(one[name].equals(two[name]) for name in one)


def test_the_verdict_says_how_sure_it_is():
    measured, graph, _ = planted("assimilation", n=400)
    options = {"mechanisms": [{"mechanism": name} for name in ("none", "assimilation")]}
    found = estimate(measured, graph, EstimationOptions(**options))
    assert found.verdict.startswith("assimilation fits best: very strong evidence")
    assert "better than every other" in found.verdict
    assert found.verdict in methods_text(found, EstimationOptions(**options))
    noise = estimate(*planted("none", n=400)[:2], EstimationOptions(**options))
    assert noise.verdict.startswith("No mechanism explains these waves better than drift and noise")
    assert "nothing to compare" in verdict(found.comparison.head(1))
    worse = found.comparison.assign(ci_low=0.1)
    assert "speak against it" in verdict(worse)
