"""Which members of a design are shown among other models, and what they are called."""

from dataclasses import replace
from itertools import product

import pandas as pd
import pytest

from hemicycle.reports.designs import MOST_WHOLE, hidden_members, member_words, shown_members
from hemicycle.reports.findings import findings
from hemicycle.reports.methods import methods
from hemicycle.reports.spotlight import spotlight
from hemicycle.reports.summaries import model_labels

NONE = pd.DataFrame()
FACTORS = {"recommender.model": ["mf", "lightgcn"], "recommender.dim": ["8", "32"], "train.loss": ["softmax", "bpr"]}
NDCG = [0.3, 0.9, 0.4, 0.5, 0.2, 0.6, 0.1, 0.7]
READ = [0.5, 0.6, 0.3, 0.7, 0.8, 0.55, 0.65, 0.4]
SEEDS = (0, 1)


def make_levels(factors, design="choices"):
    rows = [
        (design, f"{design}-{number:03d}", factor, level, factors[factor].index(level))
        for number, cell in enumerate(product(*factors.values()), start=1)
        for factor, level in zip(factors, cell, strict=True)
    ]
    return pd.DataFrame(rows, columns=["design", "member", "factor", "level", "place"])


def make_records(levels):
    rows = []
    for member, seed in product(levels["member"].unique(), SEEDS):
        name, family = f"{member}-s{seed}", "mf" if int(member[-3:]) <= 4 else "lightgcn"
        base = {"family": family, "seed": seed, "best_epoch": 4, "config": "{}"}
        rows.append(base | {"id": name, "name": name, "status": "trained", "parent": ""})
        twin = {"id": f"{name}-u", "name": f"{name}-untrained", "status": "untrained", "parent": name, "best_epoch": 0}
        rows.append(base | twin)
    return pd.DataFrame(rows)


def measured(records, values, **columns):
    """One row a record: the member's value, more with later seeds; untrained twins have far more, and do not count."""
    rows = records.rename(columns={"id": "record_id"}).drop(columns=["parent", "best_epoch", "config"])
    index = rows["name"].str.extract(r"-(\d{3})-")[0].astype(int) - 1
    twins = 5.0 * (rows["status"] == "untrained")
    return rows.assign(**columns, value=[values[i] for i in index] + 0.01 * rows["seed"] + twins)


def probed(records, values):
    site = {"layer": "readout", "epoch": 4, "entity": "user", "scope": "all", "probe": "ridge", "control": "permuted"}
    more = {"score_name": "r2", "n": 90, "control_score": 0.0, "control_low": -0.1, "control_high": 0.1}
    rows = measured(records, values, attribute="leaning", **site, **more).rename(columns={"value": "score"})
    return rows.assign(ci_low=rows["score"] - 0.1, ci_high=rows["score"] + 0.1)


@pytest.fixture
def levels():
    return make_levels(FACTORS)


@pytest.fixture
def tables(levels):
    records = make_records(levels)
    ranking = measured(records, NDCG, split="test", metric="ndcg@20", epoch=4)
    return {
        "design_levels": levels,
        "records": records,
        "ranking_results": ranking,
        "probe_results": probed(records, READ),
    }


# -- names -----------------------------------------------------------------------------------------------------------


def test_members_are_called_by_the_levels_of_their_factors(levels):
    words = member_words(levels)
    assert words["choices-001"] == "MF, d 8, softmax"
    assert words["choices-008"] == "LightGCN, d 32, BPR"


def test_numbers_yes_no_and_shared_levels_stand_behind_their_factor():
    factors = {"train.l2": ["0.1", "1e-3"], "recommender.residual": ["true", "false"]}
    factors |= {"train.order": ["none", "degree"], "recommender.norm": ["none", "layer"]}
    factors |= {"train.lr": ["1", "2"], "recommender.lr": ["3", "4"]}
    words = member_words(make_levels(factors))["choices-001"]
    assert words == "L2 0.1, residual true, order none, norm none, train.lr 1, recommender.lr 3"


def test_a_factor_that_a_member_does_not_have_is_not_named(levels):
    some = levels[(levels["member"] != "choices-001") | (levels["factor"] != "recommender.dim")]
    assert member_words(some)["choices-001"] == "MF, softmax"
    assert member_words(pd.DataFrame()) == {}


# -- who is shown ----------------------------------------------------------------------------------------------------


def test_the_best_in_ndcg_and_the_best_and_worst_read_are_shown(tables):
    shown = shown_members(tables)
    assert dict(zip(shown["member"], shown["why"], strict=True)) == {
        "choices-002": "best in test NDCG@20",
        "choices-003": "worst for reading leaning",
        "choices-005": "best for reading leaning",
    }


def test_a_member_may_be_shown_for_two_reasons(tables):
    shown = shown_members(tables | {"probe_results": probed(tables["records"], NDCG)})
    assert shown.set_index("member")["why"].to_dict() == {
        "choices-002": "best in test NDCG@20 and best for reading leaning",
        "choices-007": "worst for reading leaning",
    }


def test_other_layers_epochs_and_scopes_choose_nobody(tables):
    right = tables["probe_results"]
    wrong = [right.assign(score=-right["score"], **{k: v}) for k, v in (("layer", "0"), ("epoch", 1), ("scope", "in"))]
    crowded = tables | {"probe_results": pd.concat([right, *wrong], ignore_index=True)}
    assert shown_members(crowded).equals(shown_members(tables))


def test_without_values_the_first_is_shown(tables):
    bare = {name: tables[name] for name in ("design_levels", "records")}
    assert shown_members(bare)["member"].tolist() == ["choices-001"]


def test_a_small_design_is_shown_whole(tables):
    small = make_levels({name: FACTORS[name] for name in list(FACTORS)[:2]})
    assert small["member"].nunique() == MOST_WHOLE
    assert shown_members(tables | {"design_levels": small}).empty
    assert hidden_members(tables | {"design_levels": small}) == set()


def test_tables_show_the_few_their_twins_and_models_of_no_design(tables):
    other = tables["records"].iloc[[0]].assign(id="own", name="own-s0")
    few = spotlight(tables | {"records": pd.concat([tables["records"], other], ignore_index=True)})
    members = {"choices-002", "choices-003", "choices-005"}
    fits = {f"{member}-s{seed}" for member in members for seed in SEEDS}
    assert set(few["records"]["id"]) == fits | {f"{fit}-u" for fit in fits} | {"own"}
    assert set(few["ranking_results"]["record_id"]) == fits | {f"{fit}-u" for fit in fits}
    assert few["design_levels"] is tables["design_levels"]
    labels = model_labels(few["records"])
    assert labels["choices-005-s1-u"] == labels["choices-005-s0"] == "choices-005 (LightGCN, d 8, softmax)"
    assert labels["own"] == "own"


def test_methods_say_what_a_design_varies_and_only_what_its_members_share(tables, facts):
    design = {"factors": {"recommender.dim": [8, 32], "train.lr": [0.1]}}
    members = {str(dim): {"recommender": {"model": "mf", "dim": dim, "layers": 2}} for dim in (8, 32)}
    config = {"designs": {"choices": design}, "population": members, "train": {"lr": 0.3, "epochs": 9}}
    effects = pd.DataFrame({"design": ["choices"], "variance": ["pooled"]})
    text = " ".join(methods(replace(facts, config=config), tables | {"effects": effects, "probe_results": NONE}))
    assert "MF (2 seeds; layers 2) and LightGCN (2 seeds)" in text
    assert "Training: epochs 9." in text
    varied = "architecture (MF, LightGCN), dimension (8, 32) and loss (softmax, BPR)"
    assert f"The design choices has 8 members that vary {varied}." in text


def test_all_members_stay_where_designs_are_to_be_kept(tables):
    assert len(spotlight(tables, designs=False)["records"]) == len(tables["records"])


def test_differences_between_members_say_what_these_are(tables):
    rows = pd.DataFrame({"model": ["choices-001", "choices-002"], "against": ["choices-008", "popularity"]})
    few = spotlight(tables | {"ranking_differences": rows})["ranking_differences"]
    assert few.to_dict("records") == [{"model": "choices-002 (MF, d 8, BPR)", "against": "popularity"}]


def test_headlines_speak_of_the_few_alone(tables):
    text = " ".join(findings(tables))
    assert "choices-002 (MF, d 8, BPR)" in text
    assert not [member for member in ("choices-001", "choices-004", "choices-008") if member in text]
