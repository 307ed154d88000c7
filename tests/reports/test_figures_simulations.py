"""Figures, tables and sentences of simulations with designs, densities, knowledge and rewiring."""

import itertools

import numpy as np
import pandas as pd
import pytest

from hemicycle.reports.figures_densities import ridges, shown
from hemicycle.reports.figures_knowledge import edge_changes, known_opinions
from hemicycle.reports.figures_simulations import simulation_figures
from hemicycle.reports.findings_simulations import simulation_findings
from hemicycle.reports.methods import read_bibliography
from hemicycle.reports.methods_simulations import simulation_keys, simulation_methods
from hemicycle.reports.simulated import brief, factor_names, simulations
from hemicycle.reports.tables_simulations import contrasts, knowledge, sensitivity
from hemicycle.simulations.contrasts import contrasts as paired

CONFIDENCE, HOMOPHILY = "opinions.bounded_confidence.confidence", "society.follows.homophily"
LEVELS = list(itertools.product((0.1, 0.4, 0.8), (0, 4)))
ARMS = {"none": 0.0, "random": -0.2}


def results(cells):
    """Variance falls with a cell's confidence, and under ``random`` by .2 where homophily is 4."""
    rng = np.random.default_rng(0)
    rows = []
    for cell, seed, (arm, effect), step in itertools.product(cells, range(4), ARMS.items(), (0, 5)):
        confidence, homophily = LEVELS[cell - 1] if cell else (0.1, 4)
        value = 1 - confidence * step / 5 + (effect if homophily and step else 0) + rng.normal(0, 0.001)
        row = {"simulation": "s", "cell": cell, "opinion": "bounded_confidence", "arm": arm, "seed": seed}
        rows.append(row | {"step": step, "metric": "variance", "value": value})
    return pd.DataFrame(rows)


def factors():
    rows = [
        {"simulation": "s", "cell": cell, "factor": name, "value": float(value), "level": str(value)}
        for cell, values in enumerate(LEVELS, 1)
        for name, value in zip((CONFIDENCE, HOMOPHILY), values, strict=True)
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def grid():
    found = results(range(1, 7))
    return {"simulation_results": found, "simulation_contrasts": paired(found), "simulation_factors": factors()}


@pytest.fixture
def line(grid):
    kept = [cell for cell, (_, homophily) in enumerate(LEVELS, 1) if homophily]
    return {name: rows[rows["cell"].isin(kept)] for name, rows in grid.items()}


def densities():
    rows = []
    for arm, seed, step in itertools.product(ARMS, (0, 1), (0, 2, 5)):
        at = {"simulation": "s", "cell": 0, "opinion": "bounded_confidence", "arm": arm, "seed": seed, "step": step}
        edges = np.linspace(-1, 1, 5)
        for x, kind in itertools.product(range(4), ("opinion", "neighbours", "plane")):
            y = (np.nan, np.nan) if kind == "opinion" else (edges[x], edges[x + 1])
            share = 0.25 if x or seed else np.nan
            place = {"x_low": edges[x], "x_high": edges[x + 1], "y_low": y[0], "y_high": y[1], "share": share}
            rows.append(at | {"kind": kind, "dimension": 0} | place)
    return pd.DataFrame(rows)


def read():
    rows = []
    for seed, step, status, opinions in itertools.product(
        (0, 1), (0, 5), ("trained", "untrained"), ("initial", "current")
    ):
        at = {"simulation": "s", "cell": 0, "opinion": "bounded_confidence", "arm": "random", "seed": seed}
        r2 = 0.5 if status == "trained" else 0.1
        about = {"step": step, "status": status, "opinions": opinions, "dimension": 0, "n": 9}
        rows.append(at | about | {"r2": r2 + 0.1 * seed, "control": -0.01})
    return pd.DataFrame(rows)


def indices():
    base = {"simulation": "s", "opinion": "bounded_confidence", "metric": "variance", "arm": "none"}
    known = {
        (CONFIDENCE, "total"): 0.9,
        (HOMOPHILY, "total"): 0.2,
        (CONFIDENCE, "first"): 0.8,
        (HOMOPHILY, "first"): 0.1,
    }
    rows = [base | {"factor": f, "kind": k, "value": v, "low": v - 0.1, "high": v + 0.1} for (f, k), v in known.items()]
    return pd.DataFrame(rows)


@pytest.fixture
def whole():
    """A simulation without a design, with all that can be recorded."""
    found = results([0])
    changes = found[["simulation", "cell", "opinion", "arm", "seed", "step"]].assign(what="follow", number=3)
    tables = {"results": found, "contrasts": paired(found), "densities": densities(), "knowledge": read()}
    return {f"simulation_{name}": rows for name, rows in (tables | {"changes": changes}).items()}


def test_factors_are_called_by_their_last_part_where_that_tells_them_apart():
    names = factor_names([CONFIDENCE, "arms.random.strength", "arms.similar.strength"])
    assert list(names.values()) == ["confidence", "strength of random exposure", "strength of similar accounts"]
    assert factor_names(["a.x", "b.x"]) == {"a.x": "a.x", "b.x": "b.x"}


def test_cells_in_words_and_the_corners_that_stand_for_them(grid):
    (found,) = simulations(grid)
    assert found.cells[1] == "confidence .1, homophily 0"
    assert found.some_cells(4) == [1, 2, 5, 6]
    assert found.some_cells(2) == [1, 6]


def test_negligible_measures_are_about_zero():
    assert brief(2e-9) == "≈ 0"
    assert brief(-0.012) == "\N{MINUS SIGN}.012"


def test_two_factors_make_phase_diagrams(grid):
    figures = {figure.id: figure for figure in simulation_figures(grid)}
    assert set(figures) == {"polarization_over_time", "ends_by_cell", "differences_by_cell"}
    assert len(figures["ends_by_cell"].table) == 6 * 2
    told = figures["differences_by_cell"].table
    assert set(told.loc[told["clear"], "y_level"]) == {"4"}
    assert "raises it in 0 and lowers it in 3 of 6 cells" in figures["differences_by_cell"].sentence
    assert "rect" in str(figures["ends_by_cell"].chart.to_dict())


def test_one_factor_makes_lines_with_bands(line):
    figures = {figure.id: figure for figure in simulation_figures(line)}
    drawn = str(figures["ends_by_cell"].chart.to_dict())
    assert "'area'" in drawn
    assert "rect" not in drawn
    assert sorted(figures["ends_by_cell"].table["x"].unique()) == [0.1, 0.4, 0.8]


def test_many_cells_are_one_sentence_and_one_row(grid):
    (sentence,) = simulation_findings(grid)
    assert "over the 6 cells of confidence and homophily" in sentence
    assert "lowers variance in 3" in sentence
    assert "homophily 4: \N{MINUS SIGN}.20" in sentence
    table = contrasts(grid)
    assert len(table.rows) == 1
    assert "6: 0 above, 3 below" in table.rows[0]


def test_everything_recorded_is_drawn(whole):
    figures = {figure.id: figure for figure in simulation_figures(whole)}
    named = ("knowledge_and_polarization", "polarization_over_time", "paired_differences")
    assert list(figures) == [*named, "opinion_ridges", "opinion_neighbours", "attitude_planes", "edges_changed"]
    for figure in figures.values():
        assert "nan" not in figure.sentence
        assert figure.chart.to_dict()


def test_a_bin_that_some_seed_hides_has_no_share(whole):
    (found,) = simulations(whole)
    rows = shown(found, "opinion")
    assert rows.loc[rows["x_low"] == -1, "share"].isna().all()
    assert rows.loc[rows["x_low"] > -1, "share"].eq(0.25).all()


def test_the_start_is_the_highest_ridge(whole):
    (found,) = simulations(whole)
    table = ridges(shown(found, "opinion"))
    assert table.loc[table["step"] == 0, "base"].eq(2).all()
    assert table.loc[table["step"] == 5, "base"].eq(0).all()
    assert (table["top"] >= table["base"]).all()


def test_knowledge_has_both_controls(whole):
    (found,) = simulations(whole)
    known = known_opinions(found).query("step == 5").set_index("series")["mean"]
    assert known["current opinions"] == pytest.approx(0.55)
    assert known["current opinions, untrained mediator"] == pytest.approx(0.15)
    assert known["permuted opinions"] == pytest.approx(-0.01)
    assert any("reads from the mediator's vectors" in text for text in simulation_findings(whole))
    assert len(knowledge(whole).rows) == 4


def test_changes_are_cumulated(whole):
    (found,) = simulations(whole)
    assert edge_changes(found).groupby("step")["mean"].first().tolist() == [3, 6]


def test_indices_name_the_factor_that_decides():
    tables = {"simulation_results": results(range(1, 7)), "simulation_sensitivity": indices()}
    (figure,) = simulation_figures(tables)
    assert figure.id == "sobol_indices"
    assert "confidence (.90 [.80, 1.0])" in figure.sentence
    assert len(sensitivity(tables).rows) == 2
    assert any("total Sobol indices are confidence .90" in text for text in simulation_findings(tables))


def test_tables_of_older_studies_have_no_cells(whole):
    old = {name: rows.drop(columns="cell") for name, rows in whole.items()}
    assert [f.id for f in simulation_figures(old)] == [f.id for f in simulation_figures(whole)]
    assert simulation_findings(old) == simulation_findings(whole)


def test_methods_cite_models_and_exposures_whatever_they_are_called(whole):
    arms = [{"exposure": "structural", "name": "random"}, "none"]
    opinions = [{"opinion": "bounded_confidence", "name": "HK"}]
    config = {"simulations": {"s": {"opinions": opinions, "arms": arms, "grid": {HOMOPHILY: [0, 4]}}}}
    keys = simulation_keys(config, whole)
    assert {"santos2021link", "hegselmann2002opinion", "grimm2020odd", "bloom1995minimum"} <= set(keys)
    assert set(keys) <= set(read_bibliography())
    assert "a cell for each combination of society.follows.homophily 0 and 4" in simulation_methods(config, whole)[0]
