"""``api.estimate``: arrays or files, options by name, and what it refuses."""

import numpy as np
import pandas as pd
import pytest
from estimation import planted_waves

from hemicycle import api
from hemicycle.core.errors import InputError
from hemicycle.estimation.files import WaveFiles

OPTIONS = {"mechanisms": ["none", "assimilation"], "level": 0.8}


@pytest.fixture(scope="module")
def planted():
    return planted_waves.waves("assimilation", np.random.default_rng(0), n=200)


@pytest.fixture
def files(planted, tmp_path):
    """The same waves and follows as files, with a follow that leads nowhere."""
    measured, graph, _ = planted
    pd.DataFrame({"id": np.arange(200), "a": measured[:, 0], "b": measured[:, 1]}).to_csv(tmp_path / "w.csv")
    ends = {"user": [*graph.rows(), 3], "item": [*graph.indices, 999]}
    pd.DataFrame(ends).to_csv(tmp_path / "f.csv", index=False)
    return WaveFiles(str(tmp_path / "w.csv"), (str(tmp_path / "f.csv"),), ("a", "b"))


def test_arrays_and_files_say_the_same(planted, files):
    one, two = api.estimate(planted[0], planted[1], OPTIONS), api.estimate(files, options=OPTIONS)
    assert one.verdict == two.verdict
    assert one.verdict.startswith("assimilation fits best")
    columns = ["value", "ci_low", "ci_high"]
    assert np.allclose(one.results[columns], two.results[columns])
    assert len(two.notes) == len(one.notes) + 1
    assert "not between users of the waves" in two.notes[0]


def test_what_cannot_be_is_refused(planted, files):
    measured, graph, _ = planted
    with pytest.raises(InputError, match="waves without a graph"):
        api.estimate(measured)
    with pytest.raises(InputError, match="files, and a graph"):
        api.estimate(files, graph)
    with pytest.raises(InputError, match="levl"):
        api.estimate(measured, graph, {"levl": 0.9})
