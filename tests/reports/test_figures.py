"""Every figure: drawn, described, with a sentence that its own table supports."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.figures_epochs import score_by_epoch
from hemicycle.reports.figures_layers import BAND, score_by_layer
from hemicycle.reports.figures_map import between_groups, gradient, ideological_map, plane, thin
from hemicycle.reports.figures_simulations import (
    CLEAR,
    UNCLEAR,
    UNKNOWN,
    over_time,
    paired_differences,
    polarization_over_time,
    verdicts,
)
from hemicycle.reports.html import figures
from hemicycle.reports.simulated import simulations

EMPTY = pd.DataFrame()


def test_all_six_figures_in_the_order_of_the_report(tables):
    assert [figure.id for figure in figures(tables)] == [
        "ideological_map",
        "probe_by_layer",
        "probe_by_epoch",
        "learning_order",
        "polarization_over_time",
        "paired_differences",
    ]


def test_every_figure_is_described_and_has_rows(tables):
    for figure in figures(tables):
        assert figure.sentence.endswith((".", ")"))
        assert "nan" not in figure.sentence
        assert "n/a" not in figure.sentence
        assert len(figure.alt_text) > 40
        assert len(figure.table)


def test_no_figure_without_rows():
    assert figures({}) == []
    assert figures({"probe_results": EMPTY, "map_points": EMPTY, "simulation_results": EMPTY}) == []


# -- map -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0.0, 1.0, 2.5, -2.0])
def test_the_gradient_points_where_the_attribute_grows(angle):
    xy = np.random.default_rng(0).normal(size=(200, 2))
    value = xy @ [np.cos(angle), np.sin(angle)]
    found, r2 = gradient(xy, value, np.ones(200))
    assert found == pytest.approx(angle)
    assert r2 == pytest.approx(1)


def test_no_gradient_of_a_missing_or_constant_attribute():
    xy = np.random.default_rng(0).normal(size=(20, 2))
    assert np.isnan(gradient(xy, np.full(20, np.nan), np.ones(20))[1])
    assert np.isnan(gradient(xy, np.ones(20), np.ones(20))[1])


def test_a_plane_is_turned_to_the_attribute_and_keeps_proportions(tables):
    points = tables["map_points"]
    rows = points[points["record_id"] == "mf-s0"]
    turned = plane(rows, "MF", "trained").points
    assert np.corrcoef(turned["x"], turned["value"])[0, 1] > 0.9
    before = np.hypot(*(rows[["x", "y"]].to_numpy()[0] - rows[["x", "y"]].to_numpy()[1:3]).T)
    after = np.hypot(*(turned[["x", "y"]].to_numpy()[0] - turned[["x", "y"]].to_numpy()[1:3]).T)
    assert before[0] / before[1] == pytest.approx(after[0] / after[1])
    assert turned["x"].abs().max() <= 1


def test_between_groups_of_separate_and_of_equal_groups():
    apart = pd.DataFrame({"x": [0.0, 0, 5, 5], "y": 0.0, "n": 1, "group": ["a", "a", "b", "b"]})
    assert between_groups(apart) == pytest.approx(1)
    assert between_groups(apart.assign(group=["a", "b", "a", "b"])) == pytest.approx(0)


def test_the_map_of_public_people_names_them(tables, records):
    figure = ideological_map(tables["map_points"], records)
    assert "entity_name" in figure.table
    assert "member 7" in str(figure.chart.to_dict())
    assert figure.table.groupby(["model", "status"], sort=False).size().index.tolist() == [
        ("MF", "untrained"),
        ("MF", "trained"),
        ("LightGCN", "untrained"),
        ("LightGCN", "trained"),
    ]


@pytest.mark.parametrize("missing", ["", None])
def test_the_map_of_cells_has_no_names_and_sizes(private_map, records, missing):
    figure = ideological_map(private_map.assign(entity_name=missing), records)
    assert "entity_name" not in figure.table
    assert "entity_name" not in str(figure.chart.to_dict())
    assert "'size': {'field': 'n'" in str(figure.chart.to_dict())


def test_a_map_of_groups_without_numbers_tells_their_separation(tables, records):
    figure = ideological_map(tables["map_points"].assign(value=np.nan), records)
    assert figure.sentence.startswith("Share of the plane's variance that lies between groups")


def test_rare_groups_and_many_points_are_bounded(tables, records):
    points = tables["map_points"]
    many = points.assign(group=[f"party {i % 30}" for i in range(len(points))])
    assert ideological_map(many, records).table["group"].nunique() == 8
    assert len(thin(pd.concat([points] * 20))) == 1500


# -- probes ----------------------------------------------------------------------------------------------------------


def test_layers_hold_trained_untrained_band_and_references(tables, records):
    table = score_by_layer(tables["probe_results"], records).table
    assert set(table["series"]) == {"trained", "untrained", "party labels alone", BAND}
    gcn = table[(table["model"] == "LightGCN") & (table["target"] == "nominate_dim1") & (table["kind"] == "score")]
    assert sorted(gcn["layer"].unique()) == ["0", "1", "2", "readout"]
    assert (gcn["seeds"] == 3).all()
    assert (gcn["low"] <= gcn["mean"]).all()


def test_the_layers_sentence_says_how_much_training_adds(tables, records):
    sentence = score_by_layer(tables["probe_results"], records).sentence
    assert "LightGCN untrained reads .6" in sentence
    assert "training adds +.2" in sentence
    assert "3 paired seeds" in sentence


def test_overlap_is_said_in_the_layers_sentence(tables, records):
    wide = tables["probe_results"].assign(ci_low=-1.0, ci_high=1.0)
    assert "overlapping bootstrap intervals" in score_by_layer(wide, records).sentence


def test_layers_without_twins(tables, records):
    trained = tables["probe_results"].query("status == 'trained'")
    assert "no untrained twin" in score_by_layer(trained, records).sentence


def test_epochs_leave_out_models_probed_once(tables, records):
    probes = tables["probe_results"]
    table = score_by_epoch(probes, records).table
    assert sorted(table["epoch"].unique()) == [0, 1, 2, 4, 8, 16, 32]
    assert (table["seeds"] == 3).all()
    assert score_by_epoch(probes[probes["epoch"] == 16], records) is None


# -- simulations -----------------------------------------------------------------------------------------------------


def only(**tables):
    """The one simulation of these tables."""
    (found,) = simulations({f"simulation_{name}": rows for name, rows in tables.items()})
    return found


def test_time_is_averaged_over_seeds_and_thinned(tables):
    results = tables["simulation_results"]
    table = over_time(only(results=results))
    row = table[(table["step"] == 40) & (table["metric"] == "variance")].iloc[0]
    assert row["seeds"] == 5
    assert row["low"] < row["mean"] < row["high"]
    one = results[(results["step"] == 0) & (results["arm"] == "none")]
    long = pd.concat([one.assign(step=step) for step in range(1001)])
    steps = over_time(only(results=long))["step"]
    assert steps.nunique() <= 82
    assert steps.max() == 1000


def test_the_time_sentence_says_whether_ranges_overlap(tables):
    results = tables["simulation_results"]
    assert "overlapping ranges" in polarization_over_time(only(results=results)).sentence
    two = results[results["arm"] != "random"]
    assert "overlapping" not in polarization_over_time(only(results=two)).sentence


def test_several_simulations_are_told_apart(tables):
    results = tables["simulation_results"]
    both = pd.concat([results, results.assign(simulation="other")])
    drawn = figures({"simulation_results": both})
    assert [figure.id for figure in drawn] == ["polarization_over_time_senate", "polarization_over_time_other"]
    assert "(other)" in drawn[1].title


def test_verdicts():
    rows = pd.DataFrame({"ci_low": [0.1, -0.1, 0.2, np.nan], "ci_high": [0.3, 0.1, 0.2, np.nan]})
    assert verdicts(rows).tolist() == [CLEAR, UNCLEAR, UNKNOWN, UNKNOWN]


def test_the_forest_counts_what_excludes_zero(tables):
    figure = paired_differences(only(contrasts=tables["simulation_contrasts"]))
    count = (figure.table["verdict"] == CLEAR).sum()
    assert figure.sentence.startswith(f"{count} of 16 paired differences")
    assert "Clearest: neighbour correlation" in figure.sentence
    assert "arm \u2212 no exposure" in str(figure.chart.to_dict())


def test_a_forest_without_intervals_claims_nothing(tables):
    rows = tables["simulation_contrasts"].assign(ci_low=np.nan, ci_high=np.nan, minimum_detectable_effect=np.nan)
    sentence = paired_differences(only(contrasts=rows)).sentence
    assert sentence.startswith("0 of 16")
    assert "Clearest" not in sentence
    assert "16 have no interval" in sentence
