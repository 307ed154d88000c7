"""Tables of mediated agendas: the same in parts, truths beside estimates, paired differences."""

import numpy as np
import pandas as pd
import pytest
from agenda.news_society import AGENDA, feed, mediator

from hemicycle.agenda.simulated.mediated import MediationOptions
from hemicycle.agenda.simulated.mediation_tables import mediation_effects, mediation_tables
from hemicycle.agenda.simulated.mediation_weight import ALL
from hemicycle.agenda.simulated.newsfeed import ListOptions
from hemicycle.core.errors import InputError

OPTIONS = MediationOptions(
    lists=ListOptions(k=5, users=40), arms=("none", "model", "permuted"), weight={"left": 2.0, "right": 1.0}
)

NAMES = ("mediation", "exposure", "mediation_weight", "mediation_influence")


def tables(first, last):
    return mediation_tables(AGENDA, feed(), mediator(), OPTIONS, range(first, last))


@pytest.fixture(scope="module")
def made():
    return tables(0, 12)


def test_parts_are_the_whole(made):
    parts = tables(0, 1), tables(1, 3)
    assert set(made) == {f"agenda_{name}" for name in NAMES}
    for name, table in made.items():
        together = pd.concat([part[name] for part in parts], ignore_index=True)
        pd.testing.assert_frame_equal(table[table["replication"] < 3].reset_index(drop=True), together)


def test_truths_stand_beside_estimates(made):
    weights = made["agenda_mediation_weight"]
    truth = weights[weights["arm"] == "model"].groupby("group")["truth"].first()
    assert truth[["left", "right"]].tolist() == [2.0, 1.0]
    assert np.isnan(truth["all groups"])
    left = weights[(weights["arm"] == "model") & (weights["group"] == "left")]
    assert left["estimate"].mean() == pytest.approx(2.0, abs=0.15)
    assert left["covered"].sum() >= 9
    influence = made["agenda_mediation_influence"]
    edge = influence[(influence["from"] == "media") & (influence["to"] == "left")]
    assert set(edge["truth"]) == {0.2}
    assert set(influence[influence["from"] == influence["to"]]["truth"]) == {0.5}
    assert set(influence.loc[influence["arm"] == "none", "given"]) == {"nothing"}
    assert set(influence.loc[influence["arm"] == "model", "given"]) == {"nothing", "exposure"}


def test_effects_are_paired_with_none(made):
    found = mediation_effects(made["agenda_mediation"].query("replication < 4"))
    assert set(found["arm"]) == {"model", "permuted"}
    media = found[(found["a"] == "media") & (found["b"] == "")]
    assert not media["difference"].any()
    moved = found[(found["a"] == "left") & (found["b"] == "right") & (found["arm"] == "model")]
    assert moved["difference"].all()
    assert (moved["ci_low"] < moved["ci_high"]).all()
    assert set(found["replications"]) == {4}


def test_effects_on_all_groups_are_means_of_theirs_and_seeds_count_as_their_mean(made):
    table = made["agenda_mediation"].query("replication < 4")
    found = mediation_effects(table).set_index(["arm", "measure", "a", "b"]).sort_index()
    own = found[found.index.get_level_values("a") != ALL]
    together = found[found.index.get_level_values("a") == ALL].droplevel(["a", "b"])
    literal = own.groupby(["arm", "measure"])["difference"].mean()
    pd.testing.assert_series_equal(together["difference"], literal, check_names=False)
    seeds = pd.concat([table.assign(value=table["value"] + shift) for shift in (-1.0, 1.0)])
    again = mediation_effects(seeds).set_index(["arm", "measure", "a", "b"]).sort_index()
    pd.testing.assert_frame_equal(again, found)


def test_what_is_shown(made):
    found = made["agenda_exposure"].query("replication == 0")
    assert not found.loc[(found["arm"] == "none") | (found["group"] == "media"), "value"].any()
    np.testing.assert_allclose(found.groupby(["arm", "group"])["value"].sum(), 0, atol=1e-12)
    assert found.loc[(found["arm"] == "model") & (found["group"] == "left"), "value"].all()


def test_effects_need_an_arm_without(made):
    with pytest.raises(InputError, match="without the arm none"):
        mediation_effects(made["agenda_mediation"].query("arm == 'model'"))
