"""Figures of explanations: shares by rank against their controls, and where lists go without the axis."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.export import svg
from hemicycle.reports.figures_explanation import (
    by_rank,
    counterfactual_flows,
    mean_flows,
    ribbons,
    share_by_rank,
)

SIDES = ("left", "right")


def about(family, seed):
    name = f"{family}-s{seed}"
    return {"record_id": name, "name": name, "family": family, "seed": seed, "status": "trained"}


@pytest.fixture
def records():
    rows = [about(family, seed) for family in ("mf", "lightgcn") for seed in (0, 1)]
    return pd.DataFrame(rows).rename(columns={"record_id": "id"}).assign(parent="")


@pytest.fixture
def explanations():
    rows = []
    for family in ("mf", "lightgcn"):
        for seed in (0, 1):
            for by, group in (("", ""), ("leaning", "left"), ("leaning", "right")):
                for rank in range(4):
                    value = 0.5 + 0.1 * seed + 0.02 * rank
                    rows.append(
                        about(family, seed)
                        | {"attribute": "leaning", "measure": "share_of_score", "group_by": by, "group": group}
                        | {"rank": rank, "value": value, "ci_low": value - 0.02, "ci_high": value + 0.02, "n": 50}
                        | {"random": 0.02, "random_low": 0.0, "random_high": 0.1}
                        | {"permuted": 0.08, "permuted_low": 0.01, "permuted_high": 0.3, "k": 3}
                    )
    return pd.DataFrame(rows)


@pytest.fixture
def flows():
    passing = {"left": [[0.4, 0.5, 0.0], [0.0, 0.1, 0.0]], "right": [[0.1, 0.0, 0.0], [0.3, 0.6, 0.0]]}
    rows = []
    for family in ("mf", "lightgcn"):
        for group in SIDES:
            for leaves, values in zip((*SIDES, "no side"), [*passing[group], [0.0, 0.0, 0.0]], strict=True):
                for enters, value in zip((*SIDES, "no side"), values, strict=True):
                    ids = {"attribute": "leaning", "group": group, "leaves": leaves, "enters": enters}
                    rows.append(about(family, 0) | ids | {"value": value, "n": 50, "k": 3})
    return pd.DataFrame(rows)


def test_shares_are_means_over_seeds_for_each_end_and_rank(explanations, records):
    table = by_rank(explanations, records)
    assert len(table) == 2 * 2 * 3
    first = table.iloc[0]
    assert (first["rank"], first["group"], first["model"], first["seeds"]) == (1, "left", "MF", 2)
    assert (first["value"], first["ci_low"], first["permuted_high"]) == pytest.approx((0.57, 0.55, 0.3))


def test_the_sentence_holds_the_share_against_both_controls(explanations, records):
    figure = share_by_rank(explanations, records)
    assert figure.id == "share_by_rank"
    assert (
        "the share along leaning is .55 [.53, .57] in MF (permuted labels .08 [.01, .30], random directions .02)"
        in figure.sentence
    )
    drawn = svg(figure)
    assert "permuted labels, 95 % range" in drawn
    assert "LightGCN" in drawn
    assert all(side in drawn for side in SIDES)


def test_ends_below_the_median_come_first(explanations, records):
    names = {"left": "below median", "right": "above median"}
    mirrored = explanations.replace({"group": names}).iloc[::-1]
    assert list(by_rank(mirrored, records)["group"].unique()) == ["below median", "above median"]


def test_bars_are_full_and_bands_have_the_size_of_their_flow(flows, records):
    table = mean_flows(flows, records)
    drawn = ribbons(table[(table["model"] == "MF") & (table["group"] == "left")], 2.0)
    bars = drawn[drawn["kind"] == "bar"]
    for _, of_end in bars.groupby("x"):
        assert (of_end["high"] - of_end["low"]).sum() == pytest.approx(1)
        assert of_end["high"].max() == pytest.approx(1)
    bands = drawn[drawn["kind"] == "band"]
    np.testing.assert_allclose(bands["high"] - bands["low"], bands["value"])
    assert bands["flow"].nunique() == 3
    assert bands["x"].min() == 2.0
    crossing = bands[(bands["leaves"] == "left") & (bands["enters"] == "right")]
    ends = crossing.sort_values("x")[["low", "high"]].to_numpy()[[0, -1]]
    np.testing.assert_allclose(ends, [[0.4, 0.9], [0.4, 0.9]])


def test_flows_are_told_and_drawn(flows, records):
    figure = counterfactual_flows(flows, records)
    assert "from .10 to .60 for users left in MF" in figure.sentence
    assert "from .10 to .10 for users right" not in figure.sentence
    drawn = svg(figure)
    assert "users: left" in drawn
    assert "no side" in drawn


def test_without_explanations_there_are_no_figures(explanations, records):
    nothing = pd.DataFrame()
    assert share_by_rank(nothing, records) is None
    assert counterfactual_flows(nothing, records) is None
    other = explanations.assign(measure="lists_changed")
    assert share_by_rank(other, records) is None
