"""The frontier: curves by strength, means over seeds, and a sentence that says where it is not monotone."""

import pandas as pd
import pytest

from hemicycle.reports.export import svg
from hemicycle.reports.figures_frontier import by_strength, cross_cutting_frontier, monotone
from hemicycle.reports.html import figures


def rows(curve, points, seeds=(0, 1), infeasible=0.0):
    return [
        {"record_id": f"{curve}{t}{seed}", "parent_id": f"p{seed}", "ndcg": ndcg + 0.02 * seed, "transform": curve}
        | {"strength": t, "k": 20, "clear_crossing_share": cross, "diversity": 0.4, "users": 100}
        | {"infeasible": infeasible > 0, "infeasible_users": infeasible, "family": curve, "seed": seed}
        | {"name": f"{curve}-t{t:g}-s{seed}", "status": "derived", "parent": f"mf-s{seed}"}
        for seed in seeds
        for t, ndcg, cross in points
    ]


@pytest.fixture
def frontier():
    found = rows("exposure", [(0, 0.5, 0.1), (0.5, 0.4, 0.5), (1, 0.2, 1.0)], infeasible=12.0)
    found += rows("mmr", [(0, 0.5, 0.1), (1, 0.52, 0.3)])
    return pd.DataFrame(found)


@pytest.fixture
def described(frontier):
    records = frontier[["name", "family", "status", "seed"]].assign(id=frontier["record_id"], parent="p")
    return frontier, records


def test_one_row_a_curve_and_strength_over_seeds(described):
    table = by_strength(*described)
    assert table[["curve", "strength"]].to_numpy().tolist() == [
        ["exposure", 0.0],
        ["exposure", 0.5],
        ["exposure", 1.0],
        ["mmr", 0.0],
        ["mmr", 1.0],
    ]
    first = table.iloc[0]
    assert (first["ndcg"], first["ndcg_low"], first["ndcg_high"]) == pytest.approx((0.51, 0.5, 0.52))
    assert (first["cross"], first["seeds"], first["parent"], first["metric"]) == (0.1, 2, "mf", "ndcg@20")


def test_the_sentence_says_how_far_and_what_fails(described):
    sentence = cross_cutting_frontier(*described).sentence
    assert "exposure takes the share from another side from .10 to 1.00 and NDCG@20 from .510 to .210" in sentence
    assert "Not monotone in the mean over seeds: mmr." in sentence
    assert "could not be met: exposure for up to 12 users" in sentence


def test_single_points_are_told_where_there_is_no_curve(described):
    frontier, records = described
    alone = frontier[frontier["strength"] == 1]
    sentence = cross_cutting_frontier(alone, records).sentence
    assert "mmr has a share of .30 from another side and NDCG@20 .530" in sentence
    assert "monotone" not in sentence


@pytest.mark.parametrize(
    ("ndcg", "cross", "slack", "expected"),
    [
        ([3, 2, 1], [1, 2, 3], 0, True),
        ([3, 3, 1], [1, 1, 3], 0, True),
        ([3, 3.1, 1], [1, 2, 3], 0, False),
        ([3, 3.1, 1], [1, 2, 3], 0.2, True),
        ([3, 2, 1], [1, 0.5, 3], 0, False),
    ],
)
def test_monotone(ndcg, cross, slack, expected):
    curve = pd.DataFrame({"strength": [0, 1, 2], "ndcg": ndcg, "cross": cross})
    assert monotone(curve.sample(frac=1, random_state=0), slack) is expected


def test_nothing_is_drawn_without_shares(described):
    frontier, records = described
    assert cross_cutting_frontier(pd.DataFrame(), pd.DataFrame()) is None
    assert cross_cutting_frontier(frontier.assign(clear_crossing_share=float("nan")), records) is None


def test_the_report_has_it_and_it_can_be_drawn(described):
    frontier, records = described
    (figure,) = figures({"frontier": frontier, "records": records})
    assert figure.id == "cross_cutting_frontier"
    assert "share of the whole list that is clearly from another side" in svg(figure)
