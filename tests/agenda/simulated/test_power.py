"""Power: designs, trials in parts, the fewest days that are enough."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from hemicycle.agenda.simulated.influence import AgendaSimulation, Influence
from hemicycle.agenda.simulated.power import Cell, PowerOptions, needed, power, power_trials

OPTIONS = PowerOptions(days=(80, 160), topics=(4, 8), effects=(0.0, 0.2), replications=6)


def test_cells_and_agendas():
    assert len(OPTIONS.cells) == 8
    assert OPTIONS.cells[0] == Cell(80, 4, 0.0)
    agenda = OPTIONS.agenda(Cell(80, 8, 0.2))
    assert (agenda.days, len(agenda.topic_names)) == (80, 8)
    assert [(e.leader, e.follower, e.strength) for e in agenda.edges] == [("media", "public", 0.2)]
    assert OPTIONS.agenda(Cell(80, 8, 0.0)).edges == ()


def test_days_and_topics_are_positive():
    with pytest.raises(ValidationError, match="days and topics are at least 1"):
        PowerOptions(days=(-3,))


def test_other_edges_stay():
    others = (Influence(leader="politicians", follower="media", strength=0.1),)
    planted = Influence(leader="media", follower="public", strength=0.4)
    options = OPTIONS.replace(simulation=OPTIONS.simulation.with_influence(*others, planted))
    strengths = {edge.strength for edge in options.agenda(Cell(80, 4, 0.2)).edges}
    assert strengths == {0.1, 0.2}


def test_parts_are_the_whole():
    cells = OPTIONS.cells[:2]
    whole = power_trials(OPTIONS, cells, 0, 4)
    parts = pd.concat([power_trials(OPTIONS, [c], *span) for c in cells for span in ((0, 1), (1, 4))])
    pd.testing.assert_frame_equal(power(whole), power(parts))
    assert len(whole) == 8


def test_strong_effects_are_seen():
    table = power(power_trials(OPTIONS, [Cell(160, 8, 0.0), Cell(160, 8, 0.2)], 0, 10))
    assert table.loc[table["effect"] == 0.2, "rejected"].item() == 1
    assert table.loc[table["effect"] == 0, "rejected"].item() <= 0.2
    assert (table["low"] <= table["rejected"]).all()
    assert set(table["replications"]) == {10}


def test_corrected_p_values_are_larger():
    cell = [Cell(80, 4, 0.2)]
    plain, corrected = (power_trials(OPTIONS.replace(corrected=c), cell, 0, 3)["p_value"] for c in (False, True))
    assert (corrected >= plain).all()


COLUMNS = ["days", "topics", "effect", "estimator", "replications", "rejected", "low", "high"]


def test_fewest_days():
    rows = [(d, 5, 0.1, "granger", 10, share, 0, 1) for d, share in ((90, 0.3), (180, 0.85), (365, 0.7), (730, 0.9))]
    rows += [(d, 5, 0.02, "granger", 10, 0.1, 0, 1) for d in (90, 180)] + [(730, 5, 0.0, "granger", 10, 0.04, 0, 1)]
    found = needed(pd.DataFrame(rows, columns=COLUMNS)).set_index("effect")
    assert found.loc[0.1, ["days", "rejected", "size"]].tolist() == [730, 0.9, 0.04]
    assert found.loc[0.02, "days"] is pd.NA
    assert 0.0 not in found.index
    assert np.isnan(found.loc[0.02, "rejected"])


def test_designs_that_err_too_often_count_for_nothing():
    rows = [(d, 5, e, "granger", 100, 0.9, 0.82, 0.94) for d in (90, 180) for e in (0.0, 0.1)]
    assert needed(pd.DataFrame(rows, columns=COLUMNS))["days"].item() is pd.NA
    rows[0] = (90, 5, 0.0, "granger", 100, 0.05, 0.02, 0.11)
    assert needed(pd.DataFrame(rows, columns=COLUMNS))["days"].item() is pd.NA  # a longer one errs
    assert needed(pd.DataFrame(rows[:2], columns=COLUMNS))["days"].item() == 90


@pytest.mark.slow
def test_size_is_nominal():
    table = power(power_trials(OPTIONS, [Cell(90, 20, 0.0), Cell(365, 20, 0.0)], 0, 200))
    assert (table["low"] <= 0.05).all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"leader": "press"}, "no group 'press'"),
        ({"leader": "public"}, "cannot lead itself"),
        (
            {"effects": (0.9,), "simulation": AgendaSimulation(matrix=((0, 0, 0.9), (0, 0, 0), (0, 0, 0)))},
            "unstable",
        ),
        ({"days": (20, 300)}, "20 days"),
    ],
)
def test_what_is_refused(given, said):
    with pytest.raises(ValidationError, match=said):
        PowerOptions.model_validate(given)
