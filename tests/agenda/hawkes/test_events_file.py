import numpy as np
import pandas as pd
import pytest

from hemicycle.agenda.hawkes.events_file import Events, EventsConfig, read_events, rounding_of
from hemicycle.core.errors import InputError


def written(tmp_path, table, name="events.csv"):
    path = tmp_path / name
    table.to_parquet(path) if name.endswith("parquet") else table.to_csv(path, index=False)
    return str(path)


def some_rows(n=100, step="7min"):
    times = pd.date_range("2024-03-05 08:30", periods=n, freq=step, tz="UTC")
    return pd.DataFrame({"time": times, "source": np.where(np.arange(n) % 2, "senate", "press")})


def read(path, **changes):
    return read_events(EventsConfig(path=path, **changes))


@pytest.mark.parametrize("name", ["events.csv", "events.parquet", "events.csv.gz"])
def test_dates_become_hours_since_midnight(tmp_path, name):
    events = read(written(tmp_path, some_rows(), name))
    assert events.sources == ("press", "senate")
    assert np.allclose(events.times, 8.5 + np.arange(100) * 7 / 60)
    assert events.marks.tolist() == [0, 1] * 50
    assert events.horizon > events.times[-1]


def test_rows_may_come_in_any_order(tmp_path):
    rows = some_rows()
    shuffled = rows.sample(frac=1, random_state=0).rename(columns={"time": "when", "source": "who"})
    events = read(written(tmp_path, shuffled, "b.csv"), time="when", source="who", unit="day")
    assert np.allclose(events.times * 24, read(written(tmp_path, rows)).times)


def test_numbers_are_seconds_or_units(tmp_path):
    rows = some_rows().assign(time=np.arange(100) * 1.5 + 86400 * 19000)
    assert read(written(tmp_path, rows), unit="second").times[:2].tolist() == [0.0, 1.5]
    rows = rows.assign(time=np.arange(100) * 1.5)
    assert read(written(tmp_path, rows), numbers="units", duration=200.0).horizon == 200.0


def test_ties_are_spread_within_their_rounding_by_the_seed(tmp_path):
    rows = pd.concat([some_rows(), some_rows()])
    path = written(tmp_path, rows)
    events = read(path)
    assert (np.diff(events.times) > 0).all()
    minutes = np.sort(np.tile(8.5 * 60 + np.arange(100) * 7, 2))
    shift = events.times * 60 - minutes
    assert ((shift > 0) & (shift < 1)).all()
    assert shift.std() == pytest.approx(np.sqrt(1 / 12), rel=0.2)
    assert np.array_equal(read_events(EventsConfig(path=path), 0).times, events.times)
    assert not np.array_equal(read_events(EventsConfig(path=path), 1).times, events.times)
    coarse = read(path, rounding=7 * 60.0).times * 60 - minutes
    assert coarse.max() > 5
    with pytest.raises(InputError, match="events share a time"):
        read(path, rounding=0.0)


def test_the_rounding_is_found():
    assert rounding_of(np.array([86400.0, 3 * 86400.0])) == 86400.0
    assert rounding_of(np.array([60.0, 180.0])) == 60.0
    assert rounding_of(np.array([0.001, 0.017])) == 1e-3
    assert rounding_of(np.array([np.pi, np.pi, 2 * np.pi])) == pytest.approx(np.pi)
    assert rounding_of(np.array([np.pi, np.pi])) == 0.0


def test_sources_are_chosen_and_dropped(tmp_path):
    rows = some_rows()
    rows.loc[:4, "source"] = "rare"
    path = written(tmp_path, rows)
    with pytest.raises(InputError, match="1 of 3 sources have fewer than 30 events"):
        read(path)
    assert read(path, few="drop").sources == ("press", "senate")
    events = read(path, sources=("senate", "press"), exogenous=("press",))
    assert events.sources == ("senate", "press")
    assert events.targets.tolist() == [0]
    assert len(events.times) == 95
    assert read(path, least_events=2).counts.tolist() == [47, 5, 48]
    with pytest.raises(InputError, match="no source has 70 events"):
        read(path, few="drop", least_events=70)
    with pytest.raises(InputError, match=r"'house' has no events[\s\S]*'party' has no events"):
        read(path, sources=("press", "house"), exogenous=("party",))


def test_bad_files_say_where(tmp_path):
    rows = some_rows().astype({"time": str})
    with pytest.raises(InputError, match="no column 'when'"):
        read(written(tmp_path, rows), time="when")
    bad = rows.copy()
    bad.loc[3, "time"] = "yesterday"
    bad.loc[5, "time"] = None
    with pytest.raises(InputError, match=r"neither numbers of seconds nor ISO 8601[\s\S]*missing") as caught:
        read(written(tmp_path, bad))
    assert "yesterday" not in str(caught.value)
    assert ":5 column 'time'" in str(caught.value)
    nameless = rows.copy()
    nameless.loc[7, "source"] = None
    with pytest.raises(InputError, match="1 values are missing"):
        read(written(tmp_path, nameless))
    numeric = some_rows().assign(time=np.arange(100) - 3.0)
    with pytest.raises(InputError, match="3 values are negative"):
        read(written(tmp_path, numeric), numbers="units")
    with pytest.raises(InputError, match=r"after the duration of 10 hours[\s\S]*at least 20\.05"):
        read(written(tmp_path, rows), duration=10.0)


def test_events_check_themselves():
    def of(times, marks=(0, 1, 0, 1), sources=("a", "b"), horizon=9.0, **more):
        return Events(np.array(times), np.array(marks, int), sources, horizon, **more)

    good = of([1.0, 2.0, 3.0, 4.0])
    assert good.counts.tolist() == [2, 2]
    with pytest.raises(InputError, match="increase strictly"):
        of([1.0, 2.0, 2.0, 4.0])
    with pytest.raises(InputError, match="outside the observation"):
        of([1.0, 2.0, 3.0, 10.0])
    with pytest.raises(InputError, match="no events"):
        of([], ())
    with pytest.raises(InputError, match="no source 'c'"):
        of([1.0, 2.0, 3.0, 4.0], exogenous=("c",))
    with pytest.raises(InputError, match="every source is exogenous"):
        of([1.0, 2.0, 3.0, 4.0], exogenous=("a", "b"))
    with pytest.raises(InputError, match="1 of 3 sources have fewer than 2 events: 'c'"):
        of([1.0, 2.0, 3.0, 4.0], sources=("a", "b", "c"))
    with pytest.raises(InputError, match="fewer than 2"):
        good.until(2.5)
