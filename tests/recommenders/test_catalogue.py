from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ValidationError

from hemicycle.recommenders.base import Recommender
from hemicycle.recommenders.catalogue import RECOMMENDER, RECOMMENDERS


class Study(BaseModel):
    recommender: Annotated[Any, RECOMMENDER]


@pytest.mark.parametrize("name", list(RECOMMENDERS))
def test_every_short_name_builds_a_recommender(name):
    config = Study(recommender=name).recommender
    assert config.model == name
    assert isinstance(RECOMMENDER.build(config), Recommender)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValidationError, match=r"no recommender 'lightgnc'.*popularity.*did you mean 'lightgcn'"):
        Study(recommender="lightgnc")


def test_a_class_of_another_package_is_named_in_full():
    config = Study(recommender={"model": "hemicycle.recommenders.mf:MF", "dim": 4}).recommender
    assert RECOMMENDER.build(config).config.dim == 4
