import numpy as np
import pandas as pd
import pytest

from hemicycle.attitudes.map_points import POINT_COLUMNS
from hemicycle.reports.export import specification, svg
from hemicycle.reports.figures_attitudes import attitude_figures, attitude_map, map_scores
from hemicycle.reports.theme import MINUS


def points(kind="cell"):
    random = np.random.default_rng(0)
    rows = [(kind, "", "", *random.normal(0, 1, 2), np.nan, np.nan, 20, "lr", 5.0) for _ in range(30)]
    rows += [("party", f"party {i}", "fr", *random.normal(0, 1, 2), np.nan, np.nan, 9 - i, "lr", i) for i in range(8)]
    rows += [("axis", name, "", 0, 0, dx, dy, np.nan, name, 0.9) for name, dx, dy in (("lr", 1, 0), ("eu", 0.99, 0.14))]
    return pd.DataFrame(rows, columns=list(POINT_COLUMNS))


@pytest.fixture
def results():
    row = {
        "dims": 2,
        "ridge": 0.01,
        "n_parties": 8,
        "r2_in_sample": 0.8,
        "r2_loo": 0.75,
        "ci_low": 0.5,
        "ci_high": 0.85,
    }
    control = {"control_mean": -0.02, "control_low": -0.1, "control_high": 0.05}
    return pd.DataFrame(
        [{"attitude": name, "r2_nested": r2, **row, **control} for name, r2 in (("lr", 0.7), ("eu", 0.6))]
    )


@pytest.mark.parametrize("kind", ["cell", "person"])
def test_figures_are_drawn_with_scores_beside_controls(kind, results):
    figures = attitude_figures(points(kind), results)
    assert [figure.id for figure in figures] == ["attitude_map", "map_scores"]
    for figure in figures:
        assert svg(figure).startswith("<svg")
        assert f".70 [.50, .85] for lr (in sample .80, permuted {MINUS}.02)" in figure.sentence
    assert ("cells of at least ten" in figures[0].sentence) == (kind == "cell")


def test_arrows_beside_each_other_differ_in_length(results):
    spec = specification(attitude_map(points(), results))
    rule = next(layer for layer in spec["layer"] if layer["mark"]["type"] == "rule")
    rows = spec["datasets"][rule["data"]["name"]]
    first, second = (np.hypot(row["x2"] - row["x"], row["y2"] - row["y"]) for row in rows)
    assert second > 1.1 * first


def test_nothing_is_drawn_of_nothing(results):
    assert attitude_map(points().head(0), results) is None
    assert attitude_map(points().head(5), results) is None, "without parties there is no map"
    assert map_scores(results.head(0)) is None
