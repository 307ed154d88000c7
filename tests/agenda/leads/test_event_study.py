from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from agenda.lead_panels import GROUPS

from hemicycle.agenda.attention.attention import Attention
from hemicycle.agenda.leads.event_study import RESPONSES, drawn_means, events, half_days, windows
from hemicycle.agenda.leads.options import EventOptions
from hemicycle.agenda.leads.shocks import EVERYBODY, quiet, rises, shocks
from hemicycle.core.errors import InputError

OPTIONS = EventOptions(window=3, baseline=5, around=15, replications=80)


def planted(seed=0, delay=2, topics=8, times=200):
    """b and c follow a's bursts after some days, by half; d does not."""
    random = np.random.default_rng(seed)
    shares = 0.02 + 0.002 * random.normal(size=(topics, times, 4))
    for topic in range(topics):
        for day in range(20 + topic, times - 10, 40):
            shares[topic, day : day + 2, 0] += 0.1
            shares[topic, day + delay : day + delay + 2, 1:3] += 0.05
    days = (np.datetime64("2024-01-01") + np.arange(times)).astype("datetime64[s]")
    names = tuple(f"t{i}" for i in range(topics))
    return Attention(np.clip(shares, 0, 1), names, GROUPS, days, labels=tuple(f"Topic {i}" for i in range(topics)))


@pytest.fixture(scope="module")
def tables():
    return events(planted(), OPTIONS, 3)


def test_windows_are_points_above_the_baseline():
    shares = planted().shares
    shares[1, 40, 2] = np.nan
    found = windows(shares, np.array([1, 0]), np.array([45, 60]), OPTIONS)
    for event, (topic, day) in enumerate([(1, 45), (0, 60)]):
        for group in range(4):
            before = np.nanmean(shares[topic, day - 8 : day - 3, group])
            np.testing.assert_allclose(
                found[event, :, group], 100 * (shares[topic, day - 3 : day + 4, group] - before), rtol=1e-12
            )
    assert np.isfinite(found).all()


def test_drawn_means_draw_clusters_whole():
    responses = np.random.default_rng(0).normal(size=(5, 3, 2))
    responses[2, 1] = np.nan
    labels = np.array([0, 0, 1, 2, 2])
    means = drawn_means(responses, labels, 1, 300)
    totals = {
        tuple(np.nanmean(responses[np.concatenate([np.flatnonzero(labels == k) for k in ks])], 0).ravel().round(9))
        for ks in np.ndindex(3, 3, 3)
        if set(ks) != {1}
    }
    usual = means[np.isfinite(means).all((1, 2))]
    assert {tuple(mean.ravel().round(9)) for mean in usual} <= totals
    assert len(np.unique(usual[:, 0, 0].round(9))) > 5


def test_half_days_by_hand():
    curves = np.array([[0, 0, 0, 4, 1], [0, 1, 3, 4, 0], [4, 0, 0, 0, 0], [-1, 0, -2, 0, 0], [0, 0, 2, 4, 0]], float)
    assert half_days(curves.T, 2).tolist() == pytest.approx([0.5, -0.5, -2, np.nan, 0], nan_ok=True)


def test_rises_by_hand():
    series = np.full((1, 40), 0.01)
    series[0, ::2] = 0.012
    series[0, 20] = 0.08
    series[0, 30] = np.nan
    assert np.argwhere(rises(series, 0.001, OPTIONS)).tolist() == [[0, 20]]
    assert not rises(series, 0.02, OPTIONS).any()  # a rounding unit this coarse hides it


def test_quiet_days_have_no_rise_before_and_room():
    rising = np.zeros((1, 40), bool)
    rising[0, 12] = True
    days = np.flatnonzero(quiet(rising, OPTIONS)[0])
    assert days.tolist() == [8, 9, 10, 11, 12, *range(21, 37)]


def test_events_are_first_rises():
    found = shocks(planted(), OPTIONS)[0]
    assert len(found) == 8 * 5 - 4 or len(found) == 8 * 5
    assert all((day - 20 - topic) % 40 == 0 for topic, day in zip(found.topics, found.times, strict=True))


def test_followers_respond_after_the_delay(tables):
    table = tables["agenda_events"]
    assert tuple(table) == RESPONSES
    at = table[table["group"] == "a"].set_index(["response group", "day"])
    assert at.loc[("a", 0), "value"] == pytest.approx(10, abs=0.3)
    assert at.loc[("b", 2), "value"] == pytest.approx(5, abs=0.3)
    assert at.loc[("b", 2), "ci_low"] > at.loc[("b", 2), "control_high"]
    assert abs(at.loc[("b", 1), "value"]) < 0.3
    assert at.loc["d", "value"].abs().max() < 0.3
    assert (at["ci_low"] <= at["value"]).all()


def test_control_is_what_random_days_give(tables):
    at = tables["agenda_events"].query("group == 'a'").set_index(["response group", "day"])
    assert at.loc["d", "control"].abs().max() < 0.05
    assert at.loc["b", "control"].between(-0.2, 1.0).all()
    assert (at["control_low"] <= at["control_high"]).all()


def test_who_moves_first(tables):
    movers = tables["agenda_first_movers"].query("group == 'a'").set_index("response group")
    assert movers.loc["a", "half_day"] == pytest.approx(-0.5, abs=0.1)
    assert movers.loc["b", "half_day"] == pytest.approx(1.5, abs=0.1)
    assert movers.loc["b", "ci_low"] > movers.loc["a", "ci_high"]
    before = tables["agenda_first_movers"].query("group == 'b'").set_index("response group")
    assert before.loc["a", "half_day"] == pytest.approx(-2.5, abs=0.1)
    assert before.loc["a", "first"] > 0.9


def test_the_mean_of_all_groups_makes_events_too(tables):
    assert EVERYBODY in set(tables["agenda_events"]["group"])
    assert "d" not in set(tables["agenda_events"]["group"])


def test_chosen_groups_and_clusters_of_events():
    found = events(planted(), OPTIONS.replace(groups=("b",), clusters="events"), 3)["agenda_events"]
    assert set(found["group"]) == {"b"}
    assert (found["n_events"] == found["n_events"].iloc[0]).all()
    with pytest.raises(InputError, match="there is no group 'x'"):
        events(planted(), OPTIONS.replace(groups=("x",)), 3)


def test_same_key_same_tables(tables):
    again = events(planted(), OPTIONS, 3)
    assert again["agenda_events"].equals(tables["agenda_events"])
    assert not events(planted(), OPTIONS, 4)["agenda_events"].equals(tables["agenda_events"])


def test_no_event_has_no_row():
    found = events(planted(), OPTIONS.replace(threshold=1e6), 3)
    assert found["agenda_events"].empty
    assert tuple(found["agenda_events"]) == RESPONSES


def test_days_are_missing():
    attention = planted()
    attention.shares[:, 60, :] = np.nan
    found = events(attention, OPTIONS.replace(groups=("a",)), 3)["agenda_events"]
    assert found["value"].notna().all()


def test_a_group_that_is_missing_throughout():
    attention = planted()
    attention.shares[:, :, 3] = np.nan
    found = events(attention, OPTIONS.replace(groups=("a", "d")), 3)
    at = found["agenda_events"].set_index("response group")["value"]
    assert at["d"].isna().all()
    assert at["b"].notna().all()
    assert found["agenda_first_movers"].set_index("response group").loc["d", ["half_day", "ci_low"]].isna().all()


def test_too_few_days():
    with pytest.raises(InputError, match="200 days, but an event's window and baseline take 216"):
        events(planted(), OPTIONS.replace(baseline=209), 3)


@pytest.fixture
def dates(tmp_path):
    def write(*lines):
        path = tmp_path / "events.csv"
        path.write_text("\n".join(["date,topic,label", *lines]) + "\n")
        return OPTIONS.replace(file=str(path))

    return write


def test_events_of_a_file(dates):
    options = dates("2024-01-21,t0,vote", "2024-03-01,Topic 0,speech", "2024-01-02,t1,too early for a baseline")
    (found,) = shocks(planted(), options)
    assert found.topics.tolist() == [0, 0]
    assert found.times.tolist() == [20, 60]
    table = events(planted(), options, 3)["agenda_events"].set_index(["response group", "day"])
    assert table.loc[("a", 0), "value"] == pytest.approx(10, abs=0.6)
    assert (table["group"] == "given").all()


def test_what_is_wrong_in_a_file_is_said(dates):
    with pytest.raises(InputError) as caught:
        shocks(planted(), dates("2024-01-21,t0,x", "2031-01-01,t0,x", "2024-01-21,elsewhere,x", "May,t0,x"))
    text = str(caught.value)
    assert "2 values of date are not in the data: '2031-01-01', 'May'" in text
    assert "events.csv:3,5 column 'date'" in text
    assert "1 values of topic are not in the data: 'elsewhere'" in text
    assert "events.csv:4 column 'topic'" in text


def test_parquet_events_of_numbered_topics(tmp_path):
    path = tmp_path / "events.parquet"
    pd.DataFrame({"date": pd.to_datetime(["2024-01-21"]), "topic": [7]}).to_parquet(path)
    attention = replace(planted(topics=1), topics=("7",))
    (found,) = shocks(attention, OPTIONS.replace(file=str(path)))
    assert found.times.tolist() == [20]


def test_a_file_without_its_columns(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("day,topic\n2024-01-21,t0\n")
    with pytest.raises(InputError, match="there is no column 'date'"):
        shocks(planted(), OPTIONS.replace(file=str(path)))
