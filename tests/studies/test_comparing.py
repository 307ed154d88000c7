"""Metrics of single users stay in the store; members are compared by them."""

import numpy as np
import pandas as pd
import pytest

from hemicycle.core.disclosure import check_release, sensitive_columns
from hemicycle.core.errors import DisclosureError
from hemicycle.core.storage import Folder
from hemicycle.evaluation.ranking import Ranking
from hemicycle.studies.comparing import BASELINE, BEST, keep_users, kept_users, over_seeds, ranking_differences

EASE = np.random.default_rng(0).random(400)
LIFT = {"popularity": 0.0, "random": -0.1, "mf": 0.1, "lightgcn": 0.2}
VALID = {"popularity": 0.3, "random": 0.1, "mf": 0.9, "lightgcn": 0.8}


def a_ranking(lift, seed=0, users=400):
    noise = np.random.default_rng([seed, round(100 * lift) + 50]).normal(0, 0.1, 400)
    values = (EASE + lift + noise)[:users]
    per_user = {"recall@20": values / 2, "ndcg@20": values, "precision@20": values, "map@20": values}
    return Ranking({}, np.arange(users), per_user)


@pytest.fixture
def study():
    """Two learnt members of two seeds with an untrained twin, and two baselines."""
    records = [
        {"id": f"{m}{s}", "name": f"{m}-s{s}", "family": m, "status": "trained", "best_epoch": 3}
        for m in LIFT
        for s in (0, 1)
    ]
    records.append({"id": "twin", "name": "mf-s0-untrained", "family": "mf", "status": "untrained", "best_epoch": 0})
    rows = [
        {"record_id": r["id"], "epoch": epoch, "split": split, "metric": "ndcg@20", "value": value}
        for r in records
        for split, epoch, value in (
            ("valid", 2, 5.0),
            ("valid", 3, VALID[r["family"]]),
            ("test", 3, LIFT[r["family"]]),
        )
    ]
    kept = {r["id"]: a_ranking(LIFT[r["family"]], seed) for seed, r in enumerate(records)}
    return pd.DataFrame(records), pd.DataFrame(rows), kept


def test_single_users_are_written_and_read_and_may_not_leave(tmp_path):
    folder = Folder.at(tmp_path)
    keep_users(folder, "a", a_ranking(0.0))
    found = kept_users(folder, "a")
    assert list(found.per_user) == ["recall@20", "ndcg@20"]
    np.testing.assert_allclose(found.per_user["ndcg@20"], a_ranking(0.0).per_user["ndcg@20"])
    table = (folder / "ranking_users").read_table("a")
    assert sensitive_columns(table) == ["user", "recall@20", "ndcg@20"]
    with pytest.raises(DisclosureError, match="sensitive"):
        check_release("ranking_users", table)
    assert kept_users(folder, "b") is None


def test_seeds_are_averaged_user_by_user():
    one = Ranking({}, np.array([1, 2, 3]), {"ndcg@20": np.array([0.1, 0.2, 0.3])})
    two = Ranking({}, np.array([3, 2]), {"ndcg@20": np.array([0.5, 0.4])})
    found = over_seeds([one, two])
    assert found.users.tolist() == [2, 3]
    np.testing.assert_allclose(found.per_user["ndcg@20"], [0.3, 0.4])


def test_everyone_is_compared_with_the_best_baseline_and_the_best_model(study):
    table = ranking_differences(*study)
    ndcg = table[table["metric"] == "ndcg@20"]
    pairs = set(zip(ndcg["model"], ndcg["against"], ndcg["role"], strict=True))
    # mf is best on validation though lightgcn is on the test
    assert pairs == {
        ("lightgcn", "popularity", BASELINE),
        ("mf", "popularity", BASELINE),
        ("random", "popularity", BASELINE),
        ("lightgcn", "mf", BEST),
        ("random", "mf", BEST),
    }
    assert set(table["chosen_on"]) == {"validation"}
    assert set(table["comparisons"]) == {5}
    assert set(table["n"]) == {400}
    for row in ndcg.to_dict("records"):
        true = LIFT[row["model"]] - LIFT[row["against"]]
        assert row["adjusted_low"] < row["ci_low"] < row["difference"] < row["ci_high"] < row["adjusted_high"]
        assert row["difference"] == pytest.approx(true, abs=0.02)
        assert row["ci_low"] - 0.01 < true < row["ci_high"] + 0.01


def test_without_validation_the_test_chooses_and_says_so(study):
    records, ranking, kept = study
    table = ranking_differences(records, ranking[ranking["split"] == "test"], kept)
    assert set(table["chosen_on"]) == {"test"}
    assert set(table.loc[table["role"] == BEST, "against"]) == {"lightgcn"}


def test_few_users_are_not_compared(study):
    records, ranking, _ = study
    kept = {i: a_ranking(0.1, n, users=9) for n, i in enumerate(records["id"])}
    assert ranking_differences(records, ranking, kept).empty


def test_nothing_to_compare(study):
    records, ranking, kept = study
    assert ranking_differences(records, ranking, {}).empty
    assert ranking_differences(pd.DataFrame(), pd.DataFrame(), {}).empty
    assert ranking_differences(records, ranking, {"mf0": kept["mf0"]}).empty
