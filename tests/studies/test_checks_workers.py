"""A table whose columns cannot be dealt out to the workers is refused before anything runs."""

import pytest

from hemicycle.core.errors import InputError
from hemicycle.data.voteview import Voteview
from hemicycle.studies.checks import check
from hemicycle.studies.config import StudyConfig


def study(**member):
    base = {"name": "x", "data": {"source": "voteview"}, "seeds": 1}
    return StudyConfig.model_validate({**base, "population": {"mine": member}})


def test_columns_must_be_dealt_out_evenly():
    senate = Voteview(Voteview.Config()).read()
    uneven = study(recommender={"model": "lightgcn", "dim": 10}, workers=4)
    with pytest.raises(InputError, match=r"population\.mine\.workers: 10 dimensions cannot be dealt out evenly to 4"):
        check(uneven, senate)
    check(study(recommender={"model": "lightgcn", "dim": 12}, workers=4), senate)
    check(study(recommender="popularity"), senate)
