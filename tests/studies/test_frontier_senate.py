"""On the bundled Senate every transform buys lists from the other side with accuracy, the more the stronger it is."""

import numpy as np
import pandas as pd
import pytest

from hemicycle import api
from hemicycle.core.storage import Folder
from hemicycle.reports.figures_frontier import SLACK, by_strength, monotone

KINDS = ("mmr", "calibrated", "exposure", "direction")


@pytest.fixture(scope="module")
def frontier(tmp_path_factory):
    """The shipped study without its probes and its blend."""
    config = api.load("better_senate", ["tracking.wandb=disabled"])
    members = {name: config.population[name] for name in ("lightgcn", *KINDS)}
    store = Folder.at(tmp_path_factory.mktemp("frontier"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api, "write_report", lambda _facts, _tables, folder: folder.write_bytes("report.html", b""))
        made = api.run(config.replace(population=members, probes=()), executor=api.local(), store=store)
    assert made.tables["failures"].empty
    return by_strength(made.tables["frontier"], made.tables["records"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_frontier_is_monotone_in_the_mean_over_seeds(frontier: pd.DataFrame, kind):
    curve = frontier[frontier["curve"] == kind]
    assert len(curve) == 5
    assert monotone(curve, SLACK), curve[["strength", "ndcg", "cross"]].to_string()
    ends = curve.sort_values("strength").iloc[[0, -1]]
    assert np.diff(ends["cross"]) > 0.05
    assert np.diff(ends["ndcg"]) < -0.01


@pytest.mark.slow
def test_constraints_are_met_for_everyone(frontier):
    exposure = frontier[frontier["curve"] == "exposure"]
    assert (exposure["infeasible_users"] == 0).all()
    assert (exposure["cross"] >= exposure["strength"] - 1e-9).all()
