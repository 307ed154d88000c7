from pathlib import Path

import numpy as np
import pytest

from hemicycle.attitudes.ches import party_table, read_ches, scale_of
from hemicycle.attitudes.parties import PartyColumns, match, read_parties
from hemicycle.core.errors import InputError

TABLE = (
    "party,country,label,lr,lr_sd,eu,n\nPS,fr,Socialistes,2.5,.8,6,9\nLR,fr,Republicains,7,.4,5,16\nPS,pt,Soc,3,1,,4\n"
)
CHES19 = "country,party,party_id,eu_position,lrgen,lrecon,lrecon_sd\n6,PS,602,6,3,2.5,.5\n3,GR,304,6.5,2.5,3,\n"
CHES24 = "country,party_id,party,electionyear,anti_elite_salience,lrgen\nge,304,GRUNEN,2021,3,2.5\n"
TREND = (
    "country,year,expert,party_id,party,lrgen,galtan\n6,2014,8,602,PS,3,\n6,2019,12,602,PS,3.5,2\n3,2014,9,304,GR,3,\n"
)


@pytest.fixture
def ches(tmp_path, monkeypatch):
    folder = tmp_path / "ches"
    folder.mkdir()
    (folder / "CHES2019V3.csv").write_text(CHES19)
    (folder / "CHES_2024_final_v2.csv").write_text(CHES24)
    import gzip

    (folder / "1999-2019_CHES_dataset_means_v3.csv.gz").write_bytes(gzip.compress(TREND.encode()))
    monkeypatch.setenv("HEMICYCLE_DATA", str(tmp_path))


def parties(**columns):
    Path("parties.csv").write_text(TABLE.replace("PS,pt", "PSP,pt"))
    return read_parties("parties.csv", PartyColumns(**columns))


def test_numeric_columns_are_attitudes_and_deviations_belong_to_them():
    found = parties(country="country", name="label", experts="n")
    assert found.attitudes == ("lr", "eu")
    assert found.names == ("Socialistes", "Republicains", "Soc")
    np.testing.assert_array_equal(found.means, [[2.5, 6], [7, 5], [3, np.nan]])
    np.testing.assert_array_equal(found.sds[:, 0], [0.8, 0.4, 1])
    np.testing.assert_allclose(found.errors(1), [[0.8 / 3, 0], [0.1, 0], [0.5, 0]])
    np.testing.assert_allclose(parties().errors(4)[:, 0], [0.4, 0.2, 0.5])


def test_attitudes_are_chosen_by_name():
    assert parties().choose(["eu"]).attitudes == ("eu",)
    with pytest.raises(InputError, match=r"no attitude 'l_r'; did you mean lr"):
        parties().choose(["l_r"])
    with pytest.raises(InputError, match=r"no column 'l_r' \(attitude l_r\)"):
        read_parties("parties.csv", attitudes=["l_r"])


def test_a_party_that_stands_twice_is_refused_with_its_lines():
    Path("parties.csv").write_text(TABLE)
    with pytest.raises(InputError, match=r"2 values are parties that stand twice") as error:
        read_parties("parties.csv")
    assert "parties.csv:2,4" in str(error.value)


def test_actors_are_matched_by_id_name_or_country_and_name(ches):
    survey = read_ches("2019")
    found = match(["602", "ps", "fr:PS", "Nobody", None, "GR"], survey)
    assert found.rows.tolist() == [0, 0, 0, -1, -1, 1]
    assert found.notes == ("1 parties of 2 actors are not in CHES 2019",)
    assert match(["PS", "PS"], survey, ["fr", "pt"]).rows.tolist() == [0, -1]


def test_no_match_lists_the_nearest_names():
    survey = parties(name="label")
    with pytest.raises(InputError, match="no actor's party is among the 3") as error:
        match(["Republikains", "zzzz"], survey)
    assert "'Republikains' (nearest: Republicains)" in str(error.value)
    assert "'zzzz' (none is near)" in str(error.value)


def test_a_name_of_several_countries_needs_the_country(ches):
    twice = CHES19.replace("GR", "PS")
    (Path("twice.csv")).write_text(twice)
    survey = read_ches("2019", path="twice.csv")
    with pytest.raises(InputError, match="names stand for parties of several countries: PS"):
        match(["PS"], survey)
    assert match(["PS", "PS"], survey, ["de", "fr"]).rows.tolist() == [1, 0]


def test_the_waves_of_the_survey_are_read_alike(ches):
    old, new, trend = read_ches("2019"), read_ches("2024"), party_table("ches:trend-2014")
    assert (old.ids, old.countries) == (("602", "304"), ("fr", "de"))
    assert old.attitudes == ("eu_position", "lrgen", "lrecon")
    assert old.scales["eu_position"] == (1, 7)
    assert old.sds[0, 2] == 0.5
    assert new.attitudes == ("antielite_salience", "lrgen")
    assert new.countries == ("de",)
    assert trend.attitudes == ("lrgen",), "galtan was not asked in that year"
    assert trend.experts.tolist() == [8, 9]
    assert scale_of("eu_salience") == scale_of("lrgen") == (0, 10)


def test_an_unknown_wave_lists_the_known(ches):
    with pytest.raises(InputError, match="no wave '2018'") as error:
        party_table("ches:2018")
    assert "trend-2010" in str(error.value)


def test_a_table_without_numbers_is_refused():
    Path("words.csv").write_text("party,lr\nPS,left\n")
    with pytest.raises(InputError, match="no column of numbers"):
        read_parties("words.csv")
    with pytest.raises(InputError, match="1 values are not numbers"):
        read_parties("words.csv", attitudes=["lr"])


@pytest.mark.data
def test_the_real_waves_have_their_counts():
    counts = {"2019": 277, "2024": 279, "trend-2014": 245, "trend-1999": 142}
    for wave, number in counts.items():
        found = read_ches(wave)
        assert len(found) == len(set(found.ids)) == number
        for name, (low, high) in found.scales.items():
            values = found.means[:, found.attitudes.index(name)]
            assert low <= np.nanmin(values) <= np.nanmax(values) <= high
