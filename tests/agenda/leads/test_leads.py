from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from agenda.lead_panels import GROUPS, attention, data, panel
from pydantic import ValidationError

from hemicycle.agenda.leads.data import lead_data, without_common
from hemicycle.agenda.leads.leads import correlations, leads
from hemicycle.agenda.leads.measures import MEASURES
from hemicycle.agenda.leads.options import LeadOptions
from hemicycle.core.errors import InputError
from hemicycle.probes.multiplicity import benjamini_hochberg

ALL = tuple(MEASURES)
OPTIONS = LeadOptions(measures=ALL, lags=2, reach=3, replications=60, fewest=5, block=10)


@pytest.fixture(scope="module")
def tables():
    return leads(attention(panel(0, strength=0.4)), OPTIONS, 7)


def test_tables_have_a_row_a_pair_and_measure(tables):
    assert set(tables) == {"agenda_leads", "agenda_net_leads", "agenda_network", "agenda_correlations"}
    assert len(tables["agenda_leads"]) == len(ALL) * 12
    assert len(tables["agenda_net_leads"]) == len(ALL) * 6
    assert len(tables["agenda_network"]) == len(ALL) * 4
    assert len(tables["agenda_correlations"]) == 6 * 7
    assert all(table.notna().to_numpy().all() for table in tables.values())


@pytest.mark.parametrize("measure", ALL)
def test_planted_leader_is_found(tables, measure):
    pairs = tables["agenda_leads"].query("measure == @measure").set_index(["from", "to"])
    assert pairs.loc[[("a", "b"), ("a", "c")], "edge"].all()
    assert (pairs["p_bh"] >= pairs["p_value"]).all()
    assert pairs["value"].nlargest(2).index.tolist() in ([("a", "b"), ("a", "c")], [("a", "c"), ("a", "b")])
    led = pairs.loc[("a", "b")]
    assert 0 < led["ci_low"] < led["value"] < led["ci_high"]
    network = tables["agenda_network"].query("measure == @measure").set_index("group")
    assert network["net"].idxmax() == "a"
    assert network.loc["a", "ci_low"] > 0
    assert network["net"].sum() == pytest.approx(0, abs=1e-12)


def test_gaussian_transfer_entropy_is_half_of_granger(tables):
    by = tables["agenda_leads"].set_index("measure")[["value", "ci_low", "ci_high"]]
    np.testing.assert_allclose(by.loc["gaussian transfer entropy"], by.loc["granger"] / 2)


def test_correlations_say_what_chance_gives(tables):
    table = tables["agenda_correlations"].set_index(["from", "to", "lag"])
    assert table.loc[("a", "b", 1), "value"] > 2 * table.loc[("a", "b", 1), "high"]
    assert abs(table.loc[("a", "b", -2), "value"]) < table.loc[("a", "b", -2), "high"]


@pytest.mark.parametrize("shifts", ["together", "apart"])
def test_chance_is_that_of_delays_in_both_directions(shifts):
    values = panel(1)
    found, turned = (
        correlations(data(each, shifts=shifts, surrogates=30)).groupby(["from", "to"])["high"].first()
        for each in (values, values[:, :, ::-1])
    )
    for a, b in combinations(range(4), 2):
        assert found[GROUPS[a], GROUPS[b]] == pytest.approx(turned[GROUPS[3 - b], GROUPS[3 - a]])


def test_same_key_same_tables(tables):
    again = leads(attention(panel(0, strength=0.4)), OPTIONS, 7)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(again[name], table, check_exact=True)
    other = leads(attention(panel(0, strength=0.4)), OPTIONS.replace(measures=["granger"]), 8)["agenda_leads"]
    assert not np.allclose(other["ci_low"], tables["agenda_leads"]["ci_low"][: len(other)])


def test_without_common_takes_off_what_days_share():
    values = panel(0, (6, 40, 2))
    values[2, 5] = np.nan
    shock = np.random.default_rng(0).normal(size=(1, 40, 2))
    np.testing.assert_allclose(without_common(values + shock), without_common(values), atol=1e-12)
    expected = values[0, 5] - np.mean([values[i, 5] for i in (0, 1, 3, 4, 5)], 0)
    np.testing.assert_allclose(without_common(values)[0, 5], expected)
    with pytest.raises(InputError, match="daily means over 2 topics"):
        without_common(values[:2])


def test_common_daily_shocks_lead_nobody_once_removed():
    values = panel(3, (20, 150, 4), leads=(), daily=1.0)
    p = {common: MEASURES["granger"](data(values, common=common)).p_value for common in (False, True)}
    assert np.nanmin(p[False]) < 1e-3
    assert np.nanmin(p[True]) > 0.01


def test_one_restless_topic_does_not_stand_for_all():
    values = panel(3, (12, 120, 4))
    values[0] *= 100
    equal, none = (MEASURES["granger"](data(values, weights=weights)).value for weights in ("equal", "none"))
    calm = MEASURES["granger"](data(panel(3, (12, 120, 4)))).value
    assert np.abs(equal - calm).max() < 0.2 * np.abs(none - calm).max()


def test_criterion_chooses_the_lags():
    found = data(panel(0, (12, 150, 3)), lags="bic", most_lags=5)
    assert found.lags == 1


def test_missing_days_are_left_out():
    seen = attention(panel(0))
    seen.shares[3, 20:24, 1] = np.nan
    table = leads(seen, OPTIONS.replace(replications=20), 7)["agenda_leads"]
    assert table[["value", "p_value", "ci_low"]].notna().to_numpy().all()


def test_one_topic_is_enough_for_blocks_of_days():
    options = OPTIONS.replace(measures=["granger", "transfer entropy", "cross-correlation"])
    table = leads(attention(panel(0, (1, 300, 3), leads=((0, 1),), strength=0.6)), options, 7)["agenda_leads"]
    found = table[table["measure"] == "granger"].set_index(["from", "to"])
    assert found["p_value"].idxmin() == ("a", "b")
    assert "blocks of 10 days" in found.loc[("a", "b"), "control"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (panel(0, (3, 60, 1), leads=()), "1 group cannot lead another"),
        (panel(0, (3, 9, 2), leads=()), "9 days are too few for 2 lags"),
    ],
)
def test_bad_input(values, message):
    with pytest.raises(InputError, match=message):
        lead_data(attention(values), OPTIONS, 0)


def test_bad_options():
    with pytest.raises(ValidationError, match="lags must be at least 1"):
        LeadOptions(lags=0)
    with pytest.raises(ValidationError, match="120 symbols"):
        LeadOptions(symbols="ordinal", states=5)
    with pytest.raises(ValidationError, match="at least 1 item"):
        LeadOptions(measures=())


TRUTH = np.zeros((4, 4), bool)
TRUTH[0, [1, 2]] = True


def edges(values, measure="granger", **options):
    p = MEASURES[measure](data(values, clusters="auto", **options)).p_value
    return benjamini_hochberg(np.where(np.isnan(p), 1.0, p)[~np.eye(4, dtype=bool)]) <= 0.05


def rates(replications, options=None, **kind):
    """False-discovery rate, its Monte-Carlo error, and share of the planted edges found."""
    planted = TRUTH[~np.eye(4, dtype=bool)]
    false, found = [], []
    for seed in range(replications):
        kept = edges(panel(seed, (25, 200, 4), strength=0.12, **kind), **(options or {}))
        false.append((kept & ~planted).sum() / max(1, kept.sum()))
        found.append(kept[planted].mean())
    return np.mean(false), np.std(false) / np.sqrt(replications), np.mean(found)


CASES = {
    "alike": ({}, {}),
    "topics of different sizes": ({"sizes": 0.7}, {}),
    "topics of different inertia": ({"inertia": 0.35}, {}),
    "innovations in common": ({"common": 0.2}, {}),
    "daily shocks, removed": ({"daily": 1.0}, {"common": True}),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_false_discovery_rate_is_nominal_and_the_planted_leader_is_found(case):
    """Over 200 replications: .02 to .03, and all but a few edges found."""
    kind, options = CASES[case]
    rate, error, found = rates(200, options, **kind)
    assert rate <= 0.05 + 2 * error
    assert found >= 0.9


def test_groups_are_named(tables):
    assert set(tables["agenda_leads"]["from"]) == set(GROUPS)
