"""What is learnt first, on curves whose order is known."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.probes.learning_order import LEARNING, learning_order, order_sentence

EPOCHS = (0, 1, 2, 4, 8)


def tables(probe, quality, seeds=3, ci=0.01):
    """Tables of one model: scores and NDCG by epoch (or a function of the seed), the latter on a finer grid."""
    probes, ranking = [], []
    for seed in range(seeds):
        about = {"record_id": f"r{seed}", "name": f"mf-s{seed}", "family": "mf", "seed": seed, "status": "trained"}
        scores = probe(seed) if callable(probe) else probe
        for epoch, score in zip(EPOCHS, scores, strict=True):
            row = {**about, "layer": "readout", "epoch": epoch, "entity": "user", "attribute": "left", "scope": "all"}
            row |= {"probe": "ridge", "score": score, "ci_low": score - ci, "control": "permuted"}
            probes += [row, {**row, "control": "party"}]
        best = {**row, "layer": "0", "epoch": 8, "score": 5.0}
        probes.append(best)
        for epoch in range(9):
            value = float(np.interp(epoch, EPOCHS, quality))
            ranking += [
                {**about, "epoch": epoch, "split": s, "metric": "ndcg@20", "value": value} for s in ("valid", "test")
            ]
    return pd.DataFrame(probes), pd.DataFrame(ranking)


def rows_of(table, of="best", level=0.5):
    found = table[(table["of"] == of) & (table["level"] == level)].set_index("quantity")
    return found.loc["probe"], found.loc["ndcg@20"]


def test_politics_before_recommendations():
    table = learning_order(*tables((0, 0.6, 0.9, 0.95, 1.0), (0.02, 0.02, 0.03, 0.1, 0.4)))
    assert tuple(table.columns) == LEARNING
    probe, quality = rows_of(table)
    assert (probe["epoch"], probe["previous"], quality["epoch"], quality["previous"]) == (1, 0, 8, 4)
    assert (probe["order"], probe["n_before"], probe["lead"], probe["seeds"]) == ("before", 3, 7, 3)
    assert (probe["start"], probe["best"]) == (0, 1)
    assert rows_of(table, level=0.9)[0]["epoch"] == 2
    text = order_sentence(table, "left")
    assert "in mf, left 6.0 epochs before recommendations [6.0, 6.0], earlier in 3 of 3 seeds" in text
    assert "before training" not in text


def test_recommendations_before_politics_and_at_once():
    after = learning_order(*tables((0, 0.0, 0.1, 0.2, 1.0), (0.0, 0.3, 0.4, 0.4, 0.4)))
    assert rows_of(after)[0]["order"] == "after"
    same = learning_order(*tables((0, 0.1, 0.9, 0.9, 1.0), (0.0, 0.1, 0.4, 0.4, 0.4)))
    assert rows_of(same)[0]["order"] == "same"
    assert "at the same checkpoint in 3, later in 0" in order_sentence(same, "left", 0.5)
    assert "left 6.0 epochs after recommendations" in order_sentence(after, "left")


def test_one_seed_that_differs_makes_the_order_mixed():
    def probe(seed):
        return (0, 1, 1, 1, 1) if seed else (0, 0, 0, 1, 1)

    table = learning_order(*tables(probe, (0, 0, 0.4, 0.4, 0.4)))
    row = rows_of(table)[0]
    assert (row["order"], row["n_before"], row["n_after"]) == ("mixed", 2, 1)
    assert row["ci_low"] < row["epoch"] < row["ci_high"]
    assert row["lead_low"] < 0 < row["lead_high"]
    assert "earlier in 2 of 3 seeds, at the same checkpoint in 0, later in 1" in order_sentence(table, "left")


def test_recommendations_are_looked_at_where_the_probe_was():
    """On its own finer grid NDCG would be at half by epoch 6."""
    probe, quality = rows_of(learning_order(*tables((0, 0.6, 0.9, 0.95, 1.0), (0, 0, 0, 0, 0.4))))
    assert quality["epoch"] == 8
    assert probe["n_before"] == 3


def test_what_the_graph_alone_can_do_is_no_learning():
    table = learning_order(*tables((0.9, 0.9, 0.94, 0.96, 1.0), (0, 0.1, 0.4, 0.4, 0.4)))
    probe, _ = rows_of(table)
    assert (probe["epoch"], probe["previous"]) == (0, -1)
    gain, _ = rows_of(table, of="gain")
    assert (gain["epoch"], gain["order"]) == (4, "after")
    text = order_sentence(table, "left")
    assert "left 6.0 epochs after recommendations" in text
    assert "from 0.90 before training" in text


def test_a_gain_within_the_interval_is_none():
    table = learning_order(*tables((0.9, 0.9, 0.9, 0.91, 0.91), (0, 0.1, 0.4, 0.4, 0.4), ci=0.05))
    gain, quality = rows_of(table, of="gain")
    assert np.isnan(gain["epoch"])
    assert gain["order"] == "undefined"
    assert quality["epoch"] == 2
    assert "training adds nothing clear to the reading of left (the untrained model reads it" in order_sentence(
        table, "left"
    )


def test_scores_that_never_rise_are_reached_nowhere():
    table = learning_order(*tables((-0.1, -0.2, -0.1, -0.1, -0.3), (0, 0.1, 0.4, 0.4, 0.4)))
    assert np.isnan(rows_of(table)[0]["epoch"])
    assert "it never rises clearly" in order_sentence(table, "left")


def test_one_seed_has_no_interval():
    row = rows_of(learning_order(*tables((0, 1, 1, 1, 1), (0, 0, 0, 0, 1), seeds=1)))[0]
    assert np.isnan([row["ci_low"], row["lead_high"]]).all()


@pytest.mark.parametrize("drop", ["probes", "ranking", "common"])
def test_nothing_to_compare(drop):
    probes, ranking = tables((0, 1, 1, 1, 1), (0, 0, 0, 0, 1))
    probes = probes.iloc[:0] if drop == "probes" else probes
    ranking = ranking.iloc[:0] if drop == "ranking" else ranking
    ranking = ranking[ranking["epoch"] == 0] if drop == "common" else ranking
    table = learning_order(probes, ranking)
    assert table.empty
    assert tuple(table.columns) == LEARNING
    assert order_sentence(table, "left") == ""
