"""Starting configurations by name and by survey, sources beside users, discrete states."""

import numpy as np
import pytest

from hemicycle.core.errors import InputError
from hemicycle.core.storage import Folder
from hemicycle.data.schema import Dataset
from hemicycle.studies.simulated import SocietyConfig
from hemicycle.studies.societies import on_states, placed, society_data, society_of, society_step, survey_parties
from hemicycle.studies.steps import Work

TABLE = """party,country,economy,culture
left,fr,2,3
right,fr,8,7
centre,de,5,5
silent,de,,4
"""


@pytest.fixture
def survey(tmp_path):
    path = tmp_path / "parties.csv"
    path.write_text(TABLE)
    columns = {"party": "party", "country": "country"}
    return {"survey": str(path), "attitudes": ["economy", "culture"], "scale": [0, 10], "columns": columns}


def config(**options):
    return SocietyConfig.model_validate({"users": 500, "items": 0, "follows": 4, **options})


def parties(asked, **changes):
    return survey_parties(config(positions=asked | changes).positions)


def test_parties_stand_where_the_survey_says(survey):
    found = {party.name: party for party in parties(survey, spread=0.1)}
    assert set(found) == {"left", "right", "centre"}
    np.testing.assert_allclose(found["left"].position, (-0.6, -0.4))
    assert {party.spread for party in found.values()} == {0.1}
    assert sum(party.share for party in found.values()) == pytest.approx(1)


def test_members_spread_around_their_party(survey):
    society = society_of(society_data(config(positions=survey | {"countries": ["fr"]}), None), config())
    assert society.opinions.shape == (500, 2)
    left = society.opinions[society.groups == "left"]
    np.testing.assert_allclose(left.mean(axis=0), (-0.6, -0.4), atol=0.06)
    np.testing.assert_allclose(left.std(axis=0), 0.2, atol=0.04)


def test_shares_are_in_any_unit(survey):
    found = parties(survey, shares={"left": 30, "right": 60, "centre": 10})
    assert [party.share for party in found] == pytest.approx([0.3, 0.6, 0.1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parties": ["green"]}, "no party 'green'"),
        ({"countries": ["it"]}, r"(?s)no country 'it'.*de, fr"),
        ({"attitudes": ["economics"]}, "economics"),
        ({"scale": None}, "ends of the scale of 'economy'"),
        ({"shares": {"left": 1}}, "2 parties have no share"),
        ({"parties": ["silent"]}, "no party is left"),
        ({"survey": "nowhere.csv"}, "nowhere.csv"),
    ],
)
def test_what_a_survey_does_not_have_is_refused(survey, changes, message):
    with pytest.raises(InputError, match=message):
        parties(survey, **changes)


def test_dimensions_are_those_of_the_survey(survey):
    assert placed(config(positions=survey)).dimensions == 2
    with pytest.raises(InputError, match="2 attitudes of a survey in a society of 3"):
        placed(config(positions=survey, dimensions=3))


def test_what_a_table_says_is_part_of_the_identity(survey):
    assert placed(config(positions=survey)).positions is None
    assert len(placed(config(positions=survey)).parties) == 3


@pytest.mark.data
def test_parties_of_the_chapel_hill_survey():
    asked = {"survey": "ches:2019", "attitudes": ["lrecon", "galtan"], "countries": ["fr"]}
    found = parties(asked)
    assert len(found) >= 5
    assert all(abs(x) <= 1 for party in found for x in party.position)


def test_configurations_have_names():
    aligned = placed(config(positions="aligned", dimensions=2))
    assert aligned.parties == "aligned"
    assert len(aligned.party_list()) == 2
    with pytest.raises(ValueError, match="positions is for synthetic users"):
        config(positions="normal", positions_from=["x"])
    with pytest.raises(ValueError, match="about several dimensions"):
        config(positions="aligned")


def test_items_and_outlets_are_sources(tmp_path):
    chosen = config(items={"number": 40, "outlets": 4, "spread": 0}, sources="outlets")
    society_step(Work(chosen, {}, Folder.at(tmp_path)))
    dataset = Dataset.read(Folder.at(tmp_path))
    outlets = society_of(dataset, chosen).items
    items = society_of(dataset, chosen.replace(sources="items")).items
    assert items.shape == (40, 1)
    names = dataset.items["outlet"].to_pandas().to_numpy()
    means = [items[names == name].mean() for name in np.unique(names)]
    np.testing.assert_allclose(outlets[:, 0], means, atol=1e-6)
    assert society_of(dataset, config()).items is None
    with pytest.raises(ValueError, match="the society has no items"):
        config(sources="items")


def test_states_are_equal_slices_of_the_bounds():
    x = np.linspace(-1, 1, 1001, dtype=np.float32)[:, None]
    found = on_states(x, 3, (-1, 1))
    assert np.unique(found).tolist() == [-1, 0, 1]
    assert abs(np.bincount((found[:, 0] + 1).astype(int)) - 333).max() <= 2
    assert found.dtype == np.float32
    assert on_states(np.array([[2.0]]), 2, (-1, 1)).item() == 2.0
    assert on_states(np.array([[1.0], [0.0]]), 2, (0, 1)).ravel().tolist() == [1, 0]
