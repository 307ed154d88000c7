"""Figures of erasure: what is drawn, what is said, and nothing where nothing was erased."""

import pandas as pd
import pytest

from hemicycle.reports.export import svg
from hemicycle.reports.figures_erasure import erasure_frontier, erasure_regrowth, frontier_table, leaked


def rows(method, rank, points, phase="erased", draw=0):
    """Rows of two seeds: points are (strength, epoch, linear accuracy, MLP accuracy, NDCG)."""
    common = {"method": method, "rank": rank, "draw": draw, "phase": phase, "family": "mf", "status": "trained"}
    common |= {"site": "both", "labels": "side", "by": "", "group": "", "n": 100}
    found = []
    for seed in (0, 1):
        for t, epoch, linear, net, ndcg in points:
            about = common | {
                "record_id": f"m{seed}",
                "seed": seed,
                "name": f"mf-s{seed}",
                "strength": t,
                "epoch": epoch,
            }
            for reader, value in (("least_squares", linear), ("mlp_classes", net)) if draw == 0 else ():
                leak = about | {"measure": "leakage", "attribute": "side", "reader": reader, "majority": 0.54}
                ends = {"ci_low": value - 0.1, "ci_high": value + 0.1, "control_low": 0.46, "control_high": 0.53}
                found.append(leak | {"metric": "balanced_accuracy", "value": value + 0.01} | ends)
                found.append(leak | {"metric": "accuracy", "value": value + 0.02 * seed} | ends | {"control": 0.54})
            ranked = about | {"measure": "quality", "metric": "ndcg@20", "value": ndcg + 0.1 * draw}
            change = {"difference": ndcg - 0.3, "difference_low": ndcg - 0.33, "difference_high": ndcg - 0.27}
            found.append(ranked | {"ci_low": ndcg, "ci_high": ndcg} | change)
            found.append(ranked | {"by": "side", "group": "left", "value": 0.9, "difference": 0.5})
    return found


@pytest.fixture
def erasure():
    found = rows("leace", 1, [(0, 0, 0.9, 0.92, 0.3), (1, 0, 0.54, 0.7, 0.2)])
    found += rows("random", 1, [(0, 0, 0.9, 0.92, 0.3), (1, 0, 0.9, 0.9, 0.31)])
    found += rows("random", 1, [(0, 0, 0.9, 0.92, 0.3), (1, 0, 0.9, 0.9, 0.31)], draw=1)
    for method, values in (("leace", (0.55, 0.8)), ("random", (0.9, 0.91))):
        found += rows(method, 1, [(1, e, v, v, 0.3) for e, v in zip((0, 4), values, strict=True)], phase="regrown")
    return pd.DataFrame(found)


@pytest.fixture
def records():
    found = [{"id": f"m{s}", "name": f"mf-s{s}", "family": "mf", "status": "trained", "parent": ""} for s in (0, 1)]
    return pd.DataFrame(found)


def test_one_mark_an_eraser_strength_and_reader_over_seeds(erasure, records):
    table = frontier_table(erasure, records).set_index(["method", "reader", "strength"])
    assert len(table) == 8
    mark = table.loc[("leace", "linear", 1.0)]
    assert (mark["value"], mark["low"], mark["high"]) == pytest.approx((0.55, 0.54, 0.56))
    assert (mark["metric"], mark["chance"], mark["seeds"], mark["ndcg"]) == ("accuracy", 0.54, 2, 0.2)
    assert table.loc[("random", "MLP", 1.0), "ndcg"] == pytest.approx(0.36)  # mean over seeds and two draws


def test_one_seed_keeps_its_interval(erasure, records):
    table = leaked(erasure[erasure["seed"] == 0], records, "erased").set_index(["method", "reader", "strength"])
    mark = table.loc[("leace", "MLP", 1.0)]
    assert (mark["low"], mark["high"], mark["control_high"]) == pytest.approx((0.6, 0.8, 0.53))


def test_sentences_give_what_is_left_and_the_control_beside_the_cost(erasure, records):
    sentence = erasure_frontier(erasure, records).sentence
    assert "MF: users and items, after LEACE: linear .55 (from .91) and MLP .71 (from .93)" in sentence
    assert "NDCG@20 changes by \u2212.100, by +.010 with random directions" in sentence
    assert "chance at .54" in sentence
    grown = erasure_regrowth(erasure, records).sentence
    assert "MF after LEACE, linear: .56 to .81 in 4 epochs" in grown
    assert "random" not in grown


def test_both_can_be_drawn(erasure, records):
    assert "random directions (1 direction)" in svg(erasure_frontier(erasure, records))
    assert "epochs after erasure" in svg(erasure_regrowth(erasure, records))


def test_nothing_is_drawn_where_nothing_was_erased(erasure, records):
    assert erasure_frontier(pd.DataFrame(), pd.DataFrame()) is None
    assert erasure_regrowth(pd.DataFrame(), pd.DataFrame()) is None
    assert erasure_regrowth(erasure[erasure["phase"] == "erased"], records) is None
