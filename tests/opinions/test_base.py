from typing import Annotated, Any

import numpy as np
import pytest
from contracts.opinion_contract import sources_of
from pydantic import TypeAdapter

from hemicycle.core.config import Options, Raw, validate
from hemicycle.core.errors import InputError
from hemicycle.opinions.catalogue import OPINION, OPINIONS


def test_totals_are_row_sums_or_counts():
    dense = np.array([[0, 2, 0.5], [0, 0, 0], [1, 0, 0]])
    weighted = sources_of(dense)
    np.testing.assert_array_equal(weighted.totals, [2.5, 0, 1])
    unweighted = type(weighted)(weighted.indptr, weighted.indices, None, weighted.positions)
    np.testing.assert_array_equal(unweighted.totals, [2, 0, 1])


def test_at_moves_users_and_leaves_other_sources_where_they_are():
    outlets = np.array([[0.0], [0.0], [9.0]])
    sources = sources_of(np.ones((2, 3)), outlets)
    np.testing.assert_array_equal(sources.at(np.array([[1.0], [2.0]])).positions, [[1], [2], [9]])
    np.testing.assert_array_equal(sources.positions, outlets)


def test_at_copies_nothing_when_all_sources_are_users():
    opinions = np.ones((2, 1))
    assert sources_of(np.ones((2, 2))).at(opinions).positions is opinions


@pytest.mark.parametrize("name", OPINIONS)
def test_every_model_of_the_catalogue_builds_and_answers_to_its_name(name):
    config = OPINION.validate(name)
    assert config.opinion == config.label == name
    assert OPINION.build(config).problems(width=2.0) == []


def test_label_is_the_name_where_there_is_one():
    assert OPINION.validate({"opinion": "bounded_confidence", "name": "narrow"}).label == "narrow"


class Study(Options):
    opinion: Annotated[Any, OPINION]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"opinion": "friedkin_jonsen"}, "did you mean 'friedkin_johnsen'"),
        ({"opinion": "bounded_confidence", "confidence": 0}, "greater than 0"),
        ({"opinion": "bounded_confidence", "mobility": 1.5}, "less than or equal to 1"),
        ({"opinion": "friedkin_johnsen", "susceptibility": -0.1}, "greater than or equal to 0"),
        ({"opinion": "degroot", "self_weight": 2}, "less than or equal to 1"),
        ({"opinion": "degroot", "device": "gpu"}, "'cpu' or 'cuda'"),
    ],
)
def test_bad_options_are_refused(value, message):
    with pytest.raises(InputError, match=message):
        validate(Study, Raw({"opinion": value}, {}))


def test_schema_of_the_choice_lists_every_model():
    schema = TypeAdapter(Annotated[Any, OPINION]).json_schema()
    named = {variant["properties"]["opinion"].get("const") for variant in schema["anyOf"]}
    assert named >= set(OPINIONS)
