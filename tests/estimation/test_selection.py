"""Formation and dissolution of ties against textbook fits and planted homophily."""

import numpy as np
import pytest
import statsmodels.api as sm

from hemicycle.estimation.selection import logit, selection_table, tie_changes
from hemicycle.graphs.interaction import InteractionGraph

PLANTED = {
    ("formation", "distance"): -1.0,
    ("formation", "reciprocal"): 0.8,
    ("dissolution", "distance"): 1.2,
    ("dissolution", "reciprocal"): -0.5,
}


def graph_of(ties):
    n = len(ties)
    return InteractionGraph.from_edges(*np.nonzero(ties), n, n, social=True)


def society(seed, n=300):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, n)
    distance = np.abs(x[:, None] - x)
    old = rng.random((n, n)) < 0.04
    np.fill_diagonal(old, val=False)
    forms = rng.random((n, n)) < 1 / (1 + np.exp(4 + distance - 0.8 * old.T))
    ends = rng.random((n, n)) < 1 / (1 + np.exp(2 - 1.2 * distance + 0.5 * old.T))
    now = (old & ~ends) | (~old & forms)
    np.fill_diagonal(now, val=False)
    return x, (graph_of(old), graph_of(now))


def test_dissolution_is_a_logit():
    x, graphs = society(0)
    ties = tie_changes(x, graphs, 5, 0)[1]
    found, covariance = logit(ties)
    design = sm.add_constant(ties.predictors)
    wanted = sm.Logit(ties.happened, design).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": ties.users, "use_correction": False}
    )
    assert np.allclose(found, wanted.params, atol=1e-6)
    assert np.allclose(np.sqrt(np.diag(covariance)), wanted.bse, rtol=1e-5)


def test_formation_is_a_conditional_logit():
    from statsmodels.discrete.conditional_models import ConditionalLogit

    x, graphs = society(1, n=120)
    ties = tie_changes(x, graphs, 4, 0)[0]
    wanted = ConditionalLogit(ties.happened.astype(float), ties.predictors, groups=ties.sets).fit(disp=0)
    assert np.allclose(logit(ties)[0], wanted.params, atol=1e-3)


def test_alternatives_are_neither_ties_nor_unknown_nor_oneself():
    x, (old, new) = society(2, n=80)
    x[3] = np.nan
    formation, dissolution = tie_changes(x, (old, new), 6, 0)
    assert formation.happened.sum() == len(np.unique(formation.sets))
    assert 3 not in formation.users
    assert 3 not in dissolution.users
    assert np.isfinite(formation.predictors).all()
    assert (formation.predictors[:, 0] > 0).all()
    distances = np.abs(x[old.rows()] - x[old.indices])
    assert np.allclose(np.sort(dissolution.predictors[:, 0]), np.sort(distances[np.isfinite(distances)]))


def covered(replications):
    hits = dict.fromkeys(PLANTED, 0)
    for seed in range(replications):
        table, _ = selection_table(*society(seed), (0.9, 5, seed))
        for row in table.itertuples():
            key = (row.process, row.parameter)
            hits[key] = hits.get(key, 0) + (row.ci_low <= PLANTED.get(key, 0.0) <= row.ci_high)
    return {key: count / replications for key, count in hits.items()}


def test_planted_homophily_is_found():
    shares = covered(20)
    assert len(shares) == 6
    assert all(share >= 0.65 for share in shares.values()), shares


@pytest.mark.slow
def test_intervals_of_ties_cover():
    shares = covered(200)
    assert all(0.845 <= share <= 0.955 for share in shares.values()), shares


def test_ties_that_do_not_change_are_told():
    x, (old, _) = society(0, n=60)
    table, notes = selection_table(x, (old, old), (0.9, 5, 0))
    assert table.empty
    assert [note.split(":")[0] for note in notes] == ["formation of ties", "dissolution of ties"]
