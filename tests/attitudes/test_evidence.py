from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from hemicycle.attitudes.evidence import (
    EvidenceFiles,
    check_evidence,
    read_items,
    read_labels,
    read_stances,
    read_words,
)
from hemicycle.attitudes.evidence_tables import (
    AUDIENCE_COLUMNS,
    VALIDATION_COLUMNS,
    WAVE_COLUMNS,
    audience_table,
    validation_table,
    wave_table,
)
from hemicycle.attitudes.parties import PartyPositions
from hemicycle.core.disclosure import K
from hemicycle.core.errors import InputError

USERS = [f"u{i}" for i in range(200)]


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def write(name, **columns):
    pd.DataFrame(columns).to_csv(name, index=False)


def positions(names, values, source):
    means = np.asarray(values, float)[:, None]
    blank = np.full_like(means, np.nan)
    return PartyPositions(
        tuple(names), tuple(names), ("",) * len(names), ("lr",), means, blank, blank[:, 0], {}, source
    )


def test_labels_are_numbers_or_two_categories_in_the_order_of_users():
    write("l.csv", user=["u3", "u1", "stranger"], age=[30, None, 50], voted=["yes", "no", "no"])
    found, notes = read_labels(EvidenceFiles(labels="l.csv"), USERS)
    assert found["age"][3] == 30
    assert np.isnan(found["age"][1])
    assert (found["voted"][3], found["voted"][1], found["voted"][0]) == ("yes", "no", None)
    assert notes == ("1 of 3 labelled users follow no actor",)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"user": ["u1", "u1"], "x": [1, 2]}, "users that stand twice"),
        ({"user": ["u1", "u2"], "x": [1, 1]}, "the label has 1 value"),
        ({"user": ["u1", "u2", "u3"], "x": list("abc")}, "the label has 3 categories"),
        ({"user": ["a", "b"], "x": [1, 2]}, "no labelled user follows an actor"),
        ({"user": ["u1", "u2"]}, "no column of labels"),
    ],
)
def test_labels_that_cannot_be_compared_are_told(columns, message):
    write("l.csv", **columns)
    with pytest.raises(InputError, match=message) as error:
        read_labels(EvidenceFiles(labels="l.csv"), USERS)
    assert "u1" not in str(error.value)


def test_files_are_checked_together():
    write("i.csv", user=["u1"], thing=["a"])
    with pytest.raises(InputError, match="no column 'item'"):
        check_evidence(EvidenceFiles(items="i.csv"))
    with pytest.raises(InputError, match="texts without words"):
        check_evidence(EvidenceFiles(texts="i.csv"))
    Path("w.yaml").write_text("left: [a]\n", encoding="utf-8")
    with pytest.raises(InputError, match="words of two sides"):
        read_words("w.yaml")


def test_a_stance_planted_in_texts_is_found():
    random = np.random.default_rng(0)
    side = random.random(200) < 0.5
    own = {True: ["right", "tax", "border"], False: ["left", "union", "welfare"]}
    common = [f"w{k}" for k in range(20)]
    rows = [
        (user, " ".join([*random.choice(own[bool(s)], 2), *random.choice(common, 4)]))
        for user, s in zip(USERS, side, strict=True)
        for _ in range(5)
    ]
    write("t.csv", user=[row[0] for row in rows], text=[row[1] for row in rows])
    Path("w.yaml").write_text("l: [left]\nr: [right]\n", encoding="utf-8")
    stances, notes = read_stances(EvidenceFiles(texts="t.csv", words="w.yaml"), USERS, 0)
    assert np.corrcoef(stances.values, side)[0, 1] > 0.8
    assert "l is -1, r is 1" in notes[0]


def test_items_are_counted():
    write("i.csv", user=["u1", "u1", "u2", "x"], item=["a", "a", "b", "a"])
    shared = read_items(EvidenceFiles(items="i.csv"), USERS)
    assert shared.table[1].toarray().ravel()[shared.items.index("a")] == 2
    assert shared.table.sum() == 3


def test_an_attitude_agrees_with_its_label_alone():
    random = np.random.default_rng(0)
    truth = random.normal(size=(200, 2))
    votes = np.where(truth[:, 1] > 0, "yes", "no").astype(object)
    votes[:50] = None
    labels = {"self": truth[:, 0] + random.normal(0, 0.5, 200), "vote": votes, "rare": np.full(200, np.nan)}
    table, notes = validation_table(truth, ("a", "b"), labels, 0)
    assert tuple(table.columns) == VALIDATION_COLUMNS
    assert notes == ("rare is compared with nothing: 0 of 0 rows have both an attitude and a label",)
    rows = table[table["measure"].isin(["pearson", "auc"])].set_index(["attitude", "label"])
    assert rows.loc[("a", "self"), "low"] > rows.loc[("a", "self"), "null_high"]
    assert rows.loc[("b", "vote"), "value"] == 1
    assert rows.loc[("b", "vote"), "category"] == "yes"
    assert rows.loc[("b", "vote"), "n"] == 150
    assert rows.loc[("b", "self"), "p_holm"] > 0.05 > rows.loc[("a", "self"), "p_holm"]
    again, _ = validation_table(truth, ("a", "b"), labels, 0)
    pd.testing.assert_frame_equal(table, again)


def test_audiences_of_few_people_are_not_shown():
    matrix = sp.csr_array(np.stack([np.arange(200) < 100, np.arange(200) < K - 1], 1).astype(float))
    attitudes = np.random.default_rng(0).normal(size=(200, 1))
    table, notes = audience_table(matrix, ["big", "small"], attitudes, ("lr",), relation="shares", public=False)
    assert tuple(table.columns) == AUDIENCE_COLUMNS
    assert table["item"].tolist() == ["big"]
    assert notes == ("1 of 2 items of shares have too small an audience",)
    none, said = audience_table(matrix[:, [1]], ["small"], attitudes, ("lr",), relation="shares", public=False)
    assert none.empty
    assert said[0].startswith("shares: none of 1 audiences")


def test_waves_are_compared_on_what_they_share():
    names = [f"p{i}" for i in range(12)]
    now = positions(names, np.arange(12), "now")
    later = positions(names[:8], np.arange(8) + 1.0, "later")
    table, notes = wave_table([now, later], 0)
    assert tuple(table.columns) == WAVE_COLUMNS
    assert table["n"].unique() == [8]
    assert np.allclose(table["shift"], 1)
    assert notes == ()
    assert wave_table([now], 0)[0].empty
