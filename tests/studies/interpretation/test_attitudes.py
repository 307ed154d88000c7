from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from hemicycle.core.disclosure import sensitive_columns
from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.assembly import Column, edge_table, node_table
from hemicycle.data.schema import Dataset, Relation
from hemicycle.studies.interpretation.attitude_evidence import AUDIENCES, VALIDATION
from hemicycle.studies.interpretation.attitude_inputs import label_positions
from hemicycle.studies.interpretation.attitudes import (
    ATTITUDE_POINTS,
    INFERRED,
    MAP_RESULTS,
    AttitudeOptions,
    attitudes_of,
    attitudes_step,
    attitudes_steps,
)
from hemicycle.studies.steps import Step, Work

MEMBERS, ROLLS, PARTIES = 60, 200, 12
OPTIONS = {"relations": ("votes", "against"), "positions": ("lr",), "filters": {"min_actors": 1, "min_followers": 1}}


def parliament(*, public=True, names=None):
    """Members vote for what is near their party; some sit for half of the time only."""
    random = np.random.default_rng(1)
    place = random.uniform(0, 10, PARTIES)
    codes = np.arange(MEMBERS) % PARTIES
    cut = random.uniform(0, 10, ROLLS)
    side = random.choice([-1, 1], ROLLS)
    yes = random.random((MEMBERS, ROLLS)) < 1 / (1 + np.exp(-side * (place[codes][:, None] - cut)))
    there = np.ones((MEMBERS, ROLLS), bool)
    there[:20, 100:] = False
    party = names or [f"p{code}" for code in codes]
    columns = {
        "name": Column(pa.array([f"m{i}" for i in range(MEMBERS)]), "name"),
        "party": Column(pa.array(party), "group"),
        "country": Column(pa.array(["fr"] * MEMBERS), "covariate"),
        "lr": Column(pa.array(place[codes]), "label"),
    }
    users = node_table([f"u{i}" for i in range(MEMBERS)], columns, "users", public=public)
    items = node_table([f"r{i}" for i in range(ROLLS)], {}, "items", public=True)
    relations = {
        name: Relation(edge_table(*np.nonzero(cast & there))) for name, cast in (("votes", yes), ("against", ~yes))
    }
    return Dataset("parliament", users, items, relations, public)


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setenv("HEMICYCLE_KEY", "a key of tests, long enough")

    def of(dataset, **options):
        place = Folder(str(tmp_path))
        dataset.write(place / "data")
        return Work(AttitudeOptions(**{**OPTIONS, **options}), {"data": place / "data"}, place / "out")

    return of


def test_the_step_writes_scores_points_and_attitudes(work):
    one = work(parliament())
    attitudes_step(one)
    results = one.out.read_table(MAP_RESULTS).to_pandas()
    assert results.columns[0] == "record_id"
    assert results["r2_nested"][0] > 0.8
    assert results["source"][0] == "labels"
    points = one.out.read_table(ATTITUDE_POINTS).to_pandas()
    assert points.groupby("kind").size().to_dict() == {"axis": 1, "party": PARTIES, "person": MEMBERS}
    assert set(points[points["kind"] == "person"]["name"]) >= {"m0", "m1"}
    assert one.out.read_table(INFERRED).num_rows == MEMBERS
    assert one.out.read_json("notes.json") == {"notes": []}


def test_people_who_are_not_public_are_not_shown(work):
    one = work(parliament(public=False))
    attitudes_step(one)
    points = one.out.read_table(ATTITUDE_POINTS).to_pandas()
    assert not (points["kind"] == "person").any()
    assert not (points["kind"] == "party").any(), "parties of five people"
    assert "lr" in sensitive_columns(one.out.read_table(INFERRED))


def test_parties_of_equal_positions_in_a_country_are_one():
    twins = [f"p{i % PARTIES}{'b' if i % (2 * PARTIES) == 3 else ''}" for i in range(MEMBERS)]
    codes, positions, notes = label_positions(parliament(names=twins).users, AttitudeOptions(**OPTIONS))
    assert len(positions) == PARTIES
    assert codes.max() == PARTIES - 1
    assert notes == ("1 parties have the positions of another of their country and count as one with it",)


def test_labels_that_differ_within_a_party_are_refused():
    one = parliament(names=["the only one"] * MEMBERS)
    with pytest.raises(InputError, match="members of one party differ in lr"):
        attitudes_of(one, AttitudeOptions(**OPTIONS))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"relations": ("vots",)}, "no relation 'vots'"),
        ({"positions": ("party",)}, "no label of numbers 'party'"),
        ({"party": "club"}, "no column 'club'"),
        ({"members": "items", "positions": ("lr",)}, "no label of numbers 'lr'"),
    ],
)
def test_what_is_missing_is_said(change, message):
    with pytest.raises(InputError, match=message):
        attitudes_of(parliament(), AttitudeOptions(**{**OPTIONS, **change}))


def averaged(**options):
    """Members answer for themselves around their party's position."""
    one = parliament()
    values = one.users["lr"].to_numpy() + np.random.default_rng(2).normal(0, 0.3, MEMBERS)
    at = one.users.schema.get_field_index("lr")
    users = one.users.set_column(at, one.users.schema.field(at), pa.array(values))
    return replace(one, users=users), AttitudeOptions(**{**OPTIONS, **options})


def test_parties_may_stand_at_the_mean_of_their_members():
    found, notes = attitudes_of(*averaged(average=True))
    assert found.map.results["r2_nested"][0] > 0.8
    assert (found.positions.sds > 0).all()
    assert found.positions.experts.tolist() == [MEMBERS / PARTIES] * PARTIES
    assert "circular" in notes[0]


def test_ideal_points_read_votes_for_and_against():
    found, _ = attitudes_of(parliament(), AttitudeOptions(**OPTIONS, method="ideal_points", dims=1))
    assert found.map.results["r2_nested"][0] > 0.8
    assert len(found.actors.index) == ROLLS


def test_evidence_is_written_beside_the_scores(work):
    one = work(parliament(), labels=("other",), audiences=("votes",))
    with pytest.raises(InputError, match="no label 'other'"):
        attitudes_step(one)
    one = work(parliament(), audiences=("votes",))
    attitudes_step(one)
    assert one.out.read_table(VALIDATION).num_rows == 0
    placed = one.out.read_table(AUDIENCES).to_pandas()
    assert set(placed["relation"]) == {"votes"}
    assert placed["n"].min() >= 2


def test_labels_are_not_those_of_the_map():
    with pytest.raises(ValidationError, match="come from elsewhere"):
        AttitudeOptions(**OPTIONS, labels=("lr",))


def test_positions_come_from_one_place():
    with pytest.raises(ValidationError, match="either 'positions'"):
        AttitudeOptions(positions=("lr",), table="ches:2019")
    with pytest.raises(ValidationError, match="either 'positions'"):
        AttitudeOptions()


def test_the_steps_need_the_data_alone():
    data = Step("data", "data", print, AttitudeOptions(**OPTIONS))
    (step,) = attitudes_steps("parliament", {"data": data, "graph": data}, AttitudeOptions(**OPTIONS))
    assert set(step.inputs) == {"data"}
    assert step.kind == "attitudes"


@pytest.mark.slow
@pytest.mark.data
def test_europes_parties_that_were_left_out_are_placed():
    """Roll calls with a column for and one against, analysed within roll calls; lopsided ones (2.5 %) are left out."""
    from hemicycle.data.ep9 import EP9

    names = ("lrgen", "eu_position", "galtan", "immigrate_policy")
    dataset = EP9(EP9.Config(ches="ches/CHES2019V3.csv", positions=names, unanimous=0.975)).read()
    options = AttitudeOptions(relations=("votes", "against"), positions=names, filters={"min_actors": 50})
    found, _ = attitudes_of(dataset, options)
    results = found.map.results.set_index("attitude")
    assert results.loc["lrgen", "r2_nested"] >= 0.70
    assert results.loc["eu_position", "r2_nested"] >= 0.72
    assert (results["r2_in_sample"] >= results["r2_nested"]).all()
    assert (results["control_mean"] <= 0.02).all()
    assert (results["dims"] < 10).all()
