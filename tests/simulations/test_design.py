import pytest

from hemicycle.core.config import Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.simulations.config import SimulationConfig
from hemicycle.simulations.design import Cell, changed, grid_cells, value_at

PLAIN = {"opinions": ["bounded_confidence"], "arms": ["none", {"exposure": "random", "k": 3}]}


def config(**changes):
    return validate(SimulationConfig, Raw({**PLAIN, **changes}, {}))


def test_a_grid_has_a_cell_for_each_combination_numbered_from_1():
    cells = grid_cells({"a": (1, 2), "b": ("x", "y", "z")})
    assert [cell.number for cell in cells] == [1, 2, 3, 4, 5, 6]
    assert cells[0].factors == {"a": 1, "b": "x"}
    assert cells[1].factors == {"a": 1, "b": "y"}
    assert len({tuple(cell.factors.items()) for cell in cells}) == 6


def test_without_a_design_there_is_cell_0_and_nothing_changes():
    plain = config()
    assert plain.cells() == [Cell()]
    assert plain.at(Cell()) is plain


def test_a_cell_is_the_simulation_with_its_values_and_no_design():
    grid = {"opinions.bounded_confidence.confidence": [0.2, 0.3], "arms.1.strength": [0.5], "noise": [0.1]}
    whole = config(grid=grid)
    cells = [whole.at(cell) for cell in whole.cells()]
    assert [cell.opinions[0].confidence for cell in cells] == [0.2, 0.3]
    other = config(opinions=[{"opinion": "bounded_confidence", "confidence": 0.3}], noise=0.1)
    arms = ["none", {"exposure": "random", "k": 3, "strength": 0.5}]
    assert cells[1] == config(opinions=other.opinions, arms=arms, noise=0.1)


def test_entries_are_called_by_name_or_place():
    base = {"arms": [{"exposure": "none", "name": ""}, {"exposure": "random", "name": "chance", "k": 3}]}
    assert value_at(base, "arms.chance.k") == value_at(base, "arms.1.k") == 3
    assert changed(base, {"arms.chance.k": 7})["arms"][1]["k"] == 7
    assert base["arms"][1]["k"] == 3


def test_society_options_wait_for_the_society():
    whole = config(grid={"society.follows.homophily": [0, 2]})
    assert [cell.factors for cell in whole.cells()] == [{"society.follows.homophily": h} for h in (0, 2)]
    assert whole.at(whole.cells()[1]) == config()


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"opinion.0.confidence": [1]}, "no option 'opinion'.*did you mean 'opinions'"),
        ({"opinions.0.confidance": [1]}, "no option 'confidance'.*did you mean 'confidence'"),
        ({"opinions.7.confidence": [1]}, "'opinions' has no option '7'.*there are: bounded_confidence, 0"),
        ({"noise.size": [1]}, "has no options below it"),
        ({"seeds": [1]}, "'seeds' is no factor"),
        ({"opinions.0.confidence": [0.2, 5.0]}, "confidence = 5.0: .*exceeds the range 2"),
        ({"opinions.0.mobility": [1.5]}, "less than or equal to 1"),
        ({"noise": []}, "no different values"),
        ({"noise": [0.1, 0.1]}, "no different values"),
        ({"noise": [n / 1000 for n in range(400)], "steps": list(range(1, 400))}, "a design of 159600 cells"),
    ],
)
def test_bad_designs_are_refused_before_anything_runs(grid, message):
    with pytest.raises(InputError, match=f"(?s){message}"):
        config(grid=grid)


def test_a_grid_and_a_sensitivity_analysis_are_two_simulations():
    with pytest.raises(InputError, match="make two simulations"):
        config(grid={"noise": [0.1]}, sensitivity={"factors": {"noise": [0, 1]}})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"factors": {"noise": [1, 0]}}, "least < greatest"),
        ({"factors": {"noise": [0, 1]}, "samples": 48}, "power of 2"),
        ({"factors": {"nois": [0, 1]}}, "did you mean 'noise'"),
        ({"factors": {}}, "at least 1 item"),
    ],
)
def test_bad_sensitivity_analyses_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        config(sensitivity=given)


def test_whole_numbers_stay_whole_and_cover_their_range():
    whole = config(sensitivity={"factors": {"arms.1.k": [1, 4], "noise": [0, 1]}, "samples": 64})
    drawn = [cell.factors["arms.1.k"] for cell in whole.cells()]
    assert {type(k) for k in drawn} == {int}
    assert set(drawn) == {1, 2, 3, 4}
    assert [drawn[:64].count(k) for k in (1, 2, 3, 4)] == [16] * 4
    assert all(0 < cell.factors["noise"] < 1 for cell in whole.cells())


def test_vary_names_what_seeds_change():
    assert config().vary == ("graph", "opinion", "simulation")
    for bad in ([], ["graph", "graph"], ["mood"]):
        with pytest.raises(InputError, match="vary"):
            config(vary=bad)


def test_discrete_states_need_bounds_and_no_noise():
    assert config(states=2).states == 2
    for bad in ({"noise": 0.1}, {"bounds": None}):
        with pytest.raises(InputError, match="states are spaced"):
            config(states=2, **bad)
